#include "sampler.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "pending.h"
#include "procfs.h"
#include "protobuf.h"
#include "told.h"

enum {
    STACK_SIZE = 256 << 10,
    MAX_SOURCES = 256,
    MAX_SUPPLIES = 16,
    MAX_POLICIES = 64,
    MAX_ZONES = 64,
    MAX_METERS = 8,
    METER_SIZE = 4096,
    NAME_SIZE = 96,
    PATH_SIZE = 192,
};

static const uint64_t SLOW_NS = 1000000000;  // thermal zones: many, and some sensors take a millisecond each

// A node whose first line is a number, or one of Android's words for what a battery does.
struct source {
    char name[NAME_SIZE];  // as the capture has it
    char path[PATH_SIZE];
    bool slow;
};

static struct source sources[MAX_SOURCES];
static size_t source_count;
static char meters[MAX_METERS][PATH_SIZE];  // of power rails, on the device itself
static size_t meter_count;
static uint64_t period_ns;
static bool with_pss;
static atomic_int phase;

// BatteryManager.BATTERY_STATUS_*, which /sys tells as words.
static const char *const STATUS[] = {NULL, "Unknown", "Charging", "Discharging", "Not charging", "Full"};

static bool read_value(const char *path, int64_t *value) {
    char text[64], *end;
    if (procfs_read(path, text, sizeof text) == 0) return false;
    text[strcspn(text, "\n")] = '\0';
    for (int i = 1; i < (int)(sizeof STATUS / sizeof *STATUS); i++) {
        if (strcmp(text, STATUS[i]) == 0) {
            *value = i;
            return true;
        }
    }
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (end == text || *end || errno) return false;
    *value = number;
    return true;
}

// Keeps the node if it can be read now: what a device denies is not asked for again and again.
__attribute__((format(printf, 3, 4))) static void add(bool slow, const char *path, const char *format, ...) {
    int64_t value;
    if (source_count == MAX_SOURCES || strlen(path) >= PATH_SIZE || !read_value(path, &value)) return;
    struct source *source = &sources[source_count++];
    *source = (struct source){.slow = slow};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(source->name, NAME_SIZE, format, arguments);
    va_end(arguments);
    memcpy(source->path, path, strlen(path) + 1);
}

static void add_supply(const char *name) {
    static const char *const FIELDS[] = {"current_now", "voltage_now", "power_now", "status"};
    for (size_t i = 0; i < sizeof FIELDS / sizeof *FIELDS; i++) {
        char path[PATH_SIZE];
        snprintf(path, sizeof path, "/sys/class/power_supply/%.40s/%s", name, FIELDS[i]);
        add(false, path, "power/%.40s/%s", name, FIELDS[i]);
    }
}

static void find_supplies(void) {
    DIR *folder = opendir("/sys/class/power_supply");
    if (!folder) {  // on some phones the folder is closed, and the nodes in it are not
        static const char *const USUAL[] = {"battery", "bms", "main", "usb"};
        for (size_t i = 0; i < sizeof USUAL / sizeof *USUAL; i++) add_supply(USUAL[i]);
        return;
    }
    int left = MAX_SUPPLIES;
    for (struct dirent *entry; left > 0 && (entry = readdir(folder));) {
        if (entry->d_name[0] == '.' || strlen(entry->d_name) > 40) continue;
        add_supply(entry->d_name);
        left--;
    }
    closedir(folder);
}

// On-device power meters (ODPM, of Pixels): `t=MS`, then lines `CH0(T=MS)[NAME], MICROWATTSECONDS` since boot.
static void find_meters(void) {
    char text[64];
    for (int i = 0; i < 16 && meter_count < MAX_METERS; i++) {
        snprintf(meters[meter_count], PATH_SIZE, "/sys/bus/iio/devices/iio:device%d/energy_value", i);
        if (procfs_read(meters[meter_count], text, sizeof text)) meter_count++;
    }
}

static void find_sources(void) {
    char path[PATH_SIZE], type[64];
    find_supplies();
    find_meters();
    for (int i = 0; i < MAX_POLICIES; i++) {
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpufreq/policy%d/scaling_cur_freq", i);
        add(false, path, "clock/%d/khz", i);
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpufreq/policy%d/scaling_max_freq", i);
        add(false, path, "clock/%d/cap_khz", i);
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpufreq/policy%d/cpuinfo_max_freq", i);
        add(true, path, "clock/%d/max_khz", i);
    }
    for (int i = 0; i < MAX_ZONES; i++) {
        snprintf(path, sizeof path, "/sys/class/thermal/thermal_zone%d/type", i);
        procfs_read(path, type, sizeof type);
        type[strcspn(type, "\n")] = '\0';
        snprintf(path, sizeof path, "/sys/class/thermal/thermal_zone%d/temp", i);
        add(true, path, "zone/%d/%s", i, type);
    }
}

void sampler_put(struct bytes *message, struct bytes *figure, const char *name, int64_t value) {
    bytes_clear(figure);
    pb_string(figure, 1, name);
    pb_sint(figure, 2, value);
    pb_message(message, 4, figure);
}

static void put_rails(struct bytes *message, struct bytes *figure, size_t meter) {
    char text[METER_SIZE], name[NAME_SIZE], *rest = NULL;
    procfs_read(meters[meter], text, sizeof text);
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *open = strchr(line, '['), *close = open ? strchr(open, ']') : NULL, *end;
        if (!close || close[1] != ',') continue;
        errno = 0;
        long long energy = strtoll(close + 2, &end, 10);
        if (end == close + 2 || errno || energy < 0) continue;
        *close = '\0';
        snprintf(name, sizeof name, "rail/%zu/%.60s/energy_uws", meter, open + 1);
        sampler_put(message, figure, name, energy);
    }
}

// All CPUs together, in ticks of 10 ms: what they did, and what there was to do it in.
static void put_load(struct bytes *message, struct bytes *figure) {
    char text[512];
    unsigned long long t[8] = {0};
    procfs_read("/proc/stat", text, sizeof text);
    int n = sscanf(text, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", t, t + 1, t + 2, t + 3, t + 4, t + 5, t + 6,
                   t + 7);
    if (n < 4) return;
    unsigned long long all = t[0] + t[1] + t[2] + t[3] + t[4] + t[5] + t[6] + t[7], idle = t[3] + t[4];
    sampler_put(message, figure, "load/busy_ticks", (int64_t)(all - idle));
    sampler_put(message, figure, "load/all_ticks", (int64_t)all);
}

static void put_memory(struct bytes *message, struct bytes *figure) {
    uint64_t rss = procfs_rss();
    if (rss) sampler_put(message, figure, "memory/rss_bytes", (int64_t)rss);
    if (!with_pss) return;
    char text[512];
    procfs_read("/proc/self/smaps_rollup", text, sizeof text);
    const char *line = strstr(text, "\nPss:");
    uint64_t kilobytes = line ? strtoull(line + strlen("\nPss:"), NULL, 10) : 0;
    if (line) sampler_put(message, figure, "memory/pss_bytes", (int64_t)kilobytes * 1024);
}

void sampler_head(struct bytes *message, uint64_t time, uint64_t took) {
    pb_uint(message, 1, time);
    pb_uint(message, 2, took);
    pb_uint(message, 3, (uint64_t)atomic_load(&phase));
}

static void sample(struct bytes *figures, struct bytes *figure, bool slow_too) {
    struct bytes message = {0};
    bytes_clear(figures);
    uint64_t began = monotonic_ns();
    for (size_t i = 0; i < source_count; i++) {
        int64_t value;
        if (sources[i].slow && !slow_too) continue;
        if (read_value(sources[i].path, &value)) sampler_put(figures, figure, sources[i].name, value);
    }
    for (size_t i = 0; i < meter_count; i++) put_rails(figures, figure, i);
    put_load(figures, figure);
    put_memory(figures, figure);
    uint64_t took = monotonic_ns() - began;
    sampler_head(&message, began + took / 2, took);
    bytes_append(&message, figures->data, figures->size);
    message.failed |= figures->failed | figure->failed;
    pending_add(PENDING_SAMPLE, &message);
    bytes_free(&message);
}

static void *work(void *unused) {
    (void)unused;
    struct bytes figures = {0}, figure = {0};
    find_sources();
    uint64_t next = monotonic_ns(), slow_next = next;
    for (;;) {
        bool slow_too = monotonic_ns() >= slow_next;
        if (slow_too) slow_next = monotonic_ns() + SLOW_NS;
        sample(&figures, &figure, slow_too);
        uint64_t now = monotonic_ns();
        next = next + period_ns > now ? next + period_ns : now + period_ns;
        struct timespec until = {.tv_sec = (time_t)(next / 1000000000), .tv_nsec = (long)(next % 1000000000)};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) continue;
    }
    return NULL;
}

void sampler_start(unsigned period_ms, bool pss) {
    if (!period_ms) return;
    period_ns = (uint64_t)period_ms * 1000000;
    with_pss = pss;
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are the main thread's
    int error = pthread_attr_init(&attributes);
    if (!error) error = pthread_attr_setstacksize(&attributes, STACK_SIZE);
    if (!error) error = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (!error) error = pthread_create(&thread, &attributes, work, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) fail(ERROR_OUT_OF_MEMORY, "", "the sampling thread does not start: %s", strerror(error));
    pthread_attr_destroy(&attributes);
}

// A sample without figures: here the phase begins.
static void mark(void) {
    struct bytes message = {0};
    sampler_head(&message, monotonic_ns(), 0);
    pending_add(PENDING_SAMPLE, &message);
    bytes_free(&message);
}

void sampler_phase(struct capture *capture, enum sample_phase now) {
    atomic_store(&phase, (int)now);
    if (period_ns || told_any()) mark();
    pending_write(capture);
}
