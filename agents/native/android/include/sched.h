#pragma once

#include <sys/types.h>

typedef struct {
    unsigned long __bits[16];
} cpu_set_t;

#define CPU_ZERO(set) __builtin_memset(set, 0, sizeof(cpu_set_t))
#define CPU_SET(cpu, set) ((void)((set)->__bits[(cpu) / 64] |= 1UL << (cpu) % 64))
#define CPU_ISSET(cpu, set) ((set)->__bits[(cpu) / 64] >> (cpu) % 64 & 1)

int sched_getaffinity(pid_t process, size_t size, cpu_set_t *out);
int sched_setaffinity(pid_t process, size_t size, const cpu_set_t *set);
