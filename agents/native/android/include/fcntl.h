#pragma once

#include <sys/types.h>

#define O_RDONLY 0
#define O_RDWR 2
#define O_CREAT 0100
#define O_TRUNC 01000
#define O_NONBLOCK 04000
#if defined(__aarch64__)
#define O_NOFOLLOW 0100000
#else
#define O_NOFOLLOW 0400000
#endif
#define O_CLOEXEC 02000000

#define F_GETFL 3
#define F_SETFL 4
#define F_DUPFD_CLOEXEC 1030

int open(const char *path, int flags, ...);
int fcntl(int fd, int command, ...);
