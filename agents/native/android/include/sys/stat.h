#pragma once

#include <sys/types.h>
#include <time.h>

// The kernel's own layout, asm/stat.h.
struct stat {
#if defined(__aarch64__)
    dev_t st_dev;
    ino_t st_ino;
    mode_t st_mode;
    unsigned st_nlink;
    uid_t st_uid;
    gid_t st_gid;
    dev_t st_rdev;
    unsigned long __pad1;
    off_t st_size;
    int st_blksize, __pad2;
    blkcnt_t st_blocks;
    struct timespec st_atim, st_mtim, st_ctim;
    unsigned __unused4, __unused5;
#elif defined(__x86_64__)
    dev_t st_dev;
    ino_t st_ino;
    unsigned long st_nlink;
    mode_t st_mode;
    uid_t st_uid;
    gid_t st_gid;
    unsigned __pad0;
    dev_t st_rdev;
    off_t st_size;
    long st_blksize;
    blkcnt_t st_blocks;
    struct timespec st_atim, st_mtim, st_ctim;
    long __pad3[3];
#else
#error "no Android of this kind"
#endif
};

#define S_ISREG(mode) (((mode) & 0170000) == 0100000)

int stat(const char *path, struct stat *out);
int fstat(int fd, struct stat *out);
