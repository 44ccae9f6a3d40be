// The process's memory as Linux tells it, in bytes; 0 when it does not.
#ifndef EXRAY_PROCFS_H
#define EXRAY_PROCFS_H

#include <stdint.h>

uint64_t procfs_rss(void);       // /proc/self/statm: under a microsecond
uint64_t procfs_peak_rss(void);  // VmHWM of /proc/self/status

#endif
