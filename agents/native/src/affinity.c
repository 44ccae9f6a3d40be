// Linux's own functions, in glibc only declared on request; bionic has them since API 12.
#define _GNU_SOURCE

#include "affinity.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <string.h>

#include "error.h"

enum { CPUS = 64 };

void affinity_set(uint64_t mask) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        if (mask >> cpu & 1) CPU_SET(cpu, &set);
    }
    if (sched_setaffinity(0, sizeof set, &set) != 0) {
        fail(ERROR_CPU_MASK_REFUSED, "--cpu-mask",
             "the system does not run this process on the processors %" PRIx64 ": %s", mask, strerror(errno));
    }
}

uint64_t affinity_get(void) {
    cpu_set_t set;
    uint64_t mask = 0;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 0;
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        if (CPU_ISSET(cpu, &set)) mask |= UINT64_C(1) << cpu;
    }
    return mask;
}
