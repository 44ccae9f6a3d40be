// Small files of /proc and /sys.
#ifndef EXRAY_PROCFS_H
#define EXRAY_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The file's first size - 1 bytes, NUL-terminated; "" when it cannot be read. Returns how many bytes were read.
size_t procfs_read(const char *path, char *text, size_t size);

// This process's memory in bytes; 0 when it is not told.
uint64_t procfs_rss(void);       // /proc/self/statm
uint64_t procfs_peak_rss(void);  // VmHWM of /proc/self/status

// The same file kept open: opening takes longest. -1: it cannot be.
int procfs_statm(void);
uint64_t procfs_statm_rss(int fd);

#endif
