#pragma once

#define LOCK_EX 2
#define LOCK_NB 4

int flock(int fd, int operation);
