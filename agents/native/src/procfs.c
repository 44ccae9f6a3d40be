#include "procfs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

size_t procfs_read(const char *path, char *text, size_t size) {
    text[0] = '\0';
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t n = read(fd, text, size - 1);
    size_t got = n > 0 ? (size_t)n : 0;
    text[got] = '\0';
    close(fd);
    return got;
}

int procfs_statm(void) { return open("/proc/self/statm", O_RDONLY | O_CLOEXEC); }

uint64_t procfs_statm_rss(int fd) {
    char text[128];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    const char *resident = strchr(text, ' ');
    long page = sysconf(_SC_PAGESIZE);
    return resident && page > 0 ? strtoull(resident, NULL, 10) * (uint64_t)page : 0;
}

uint64_t procfs_rss(void) {
    int fd = procfs_statm();
    uint64_t rss = procfs_statm_rss(fd);
    if (fd >= 0) close(fd);
    return rss;
}

uint64_t procfs_peak_rss(void) {
    char text[8192];
    procfs_read("/proc/self/status", text, sizeof text);
    const char *line = strstr(text, "\nVmHWM:");
    return line ? strtoull(line + strlen("\nVmHWM:"), NULL, 10) * 1024 : 0;
}
