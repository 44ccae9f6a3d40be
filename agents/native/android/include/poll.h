#pragma once

#define POLLIN 1
#define POLLERR 8
#define POLLHUP 16

struct pollfd {
    int fd;
    short events, revents;
};

int poll(struct pollfd *of, unsigned n, int timeout_ms);
