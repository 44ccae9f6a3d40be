// Clocks and heat of the device, as /sys tells them. What cannot be read is left out.
#ifndef EXRAY_CONDITIONS_H
#define EXRAY_CONDITIONS_H

#include <stddef.h>
#include <stdint.h>

enum { CONDITIONS_MAX_CPUS = 64, CONDITIONS_MAX_ZONES = 128, CONDITIONS_ZONE_SIZE = 64 };

struct cpu_clock {
    uint32_t cpu;
    uint64_t khz;  // scaling_cur_freq
};

struct zone_temperature {
    char zone[CONDITIONS_ZONE_SIZE];  // the thermal zone's type
    int32_t millicelsius;
};

struct conditions {
    struct cpu_clock clocks[CONDITIONS_MAX_CPUS];
    size_t clock_count;
    struct zone_temperature temperatures[CONDITIONS_MAX_ZONES];
    size_t temperature_count;
};

void conditions_read(struct conditions *conditions);

#endif
