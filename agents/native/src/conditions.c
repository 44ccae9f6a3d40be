#include "conditions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "procfs.h"

// Reads a whole number.
static bool read_number(const char *path, long long *value) {
    char text[64], *end;
    procfs_read(path, text, sizeof text);
    errno = 0;
    *value = strtoll(text, &end, 10);
    return end != text && errno == 0;
}

// Zones tell thousandths of a degree; some vendors' tell degrees or tenths, which are passed on as they are.
static bool read_zone(unsigned i, struct zone_temperature *zone) {
    char path[96];
    long long value;
    snprintf(path, sizeof path, "/sys/class/thermal/thermal_zone%u/temp", i);
    if (!read_number(path, &value) || value < INT32_MIN || value > INT32_MAX) return false;
    snprintf(path, sizeof path, "/sys/class/thermal/thermal_zone%u/type", i);
    procfs_read(path, zone->zone, sizeof zone->zone);
    zone->zone[strcspn(zone->zone, "\n")] = '\0';
    zone->millicelsius = (int32_t)value;
    return true;
}

void conditions_read(struct conditions *c) {
    c->clock_count = c->temperature_count = 0;
    for (unsigned cpu = 0; cpu < CONDITIONS_MAX_CPUS; cpu++) {
        char path[96];
        long long khz;
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u/cpufreq/scaling_cur_freq", cpu);
        if (read_number(path, &khz) && khz >= 0) c->clocks[c->clock_count++] = (struct cpu_clock){cpu, (uint64_t)khz};
    }
    for (unsigned i = 0; i < CONDITIONS_MAX_ZONES; i++) {
        if (read_zone(i, &c->temperatures[c->temperature_count])) c->temperature_count++;
    }
}
