#pragma once

#include <sys/types.h>

#define STDIN_FILENO 0
#define STDOUT_FILENO 1
#define STDERR_FILENO 2
#define _SC_PAGESIZE 0x0027

int close(int fd);
int dup2(int from, int to);
int pipe(int ends[2]);
ssize_t read(int fd, void *data, size_t n);
ssize_t write(int fd, const void *data, size_t n);
ssize_t pread(int fd, void *data, size_t n, off_t offset);
ssize_t pwrite(int fd, const void *data, size_t n, off_t offset);
pid_t getpid(void);
long sysconf(int name);
long syscall(long number, ...);
void _exit(int status) __attribute__((noreturn));
