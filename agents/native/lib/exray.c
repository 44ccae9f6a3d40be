#include "../include/exray.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../src/clock.h"
#include "../src/exray_descriptor.h"
#include "../src/procfs.h"
#include "../src/protobuf.h"
#include "../src/sha256.h"
#include "../src/version.h"
#include "log.h"
#include "wire.h"

enum {
    RING = 256 << 10,
    CHUNK = 64 << 10,
    LABEL = 1024,  // bytes at most
    PASS_APP = 5,
};

static const struct mcap_channel CHANNELS[LOG_CHANNELS] = {
    [LOG_HEADER] = {"/header", "exray.Header"},
    [LOG_TENSOR_SPEC] = {"/tensor_spec", "exray.TensorSpec"},
    [LOG_TENSOR] = {"/tensor_data", "exray.TensorData"},
    [LOG_FRAME] = {"/frame", "exray.Frame"},
    [LOG_ELEMENT_SPEC] = {"/element_spec", "exray.ElementSpec"},
    [LOG_ELEMENT] = {"/element", "exray.Element"},
    [LOG_SPAN] = {"/span", "exray.Span"},
    [LOG_SENSOR] = {"/sensor", "exray.Sensor"},
    [LOG_DROPPED] = {"/dropped", "exray.Dropped"},
    [LOG_END] = {"/end", "exray.End"},
};

static _Thread_local char why[512];

const char *exray_error(void) { return why; }

bool log_refuse(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    return false;
}

uint64_t exray_now(void) { return monotonic_ns(); }

// Opening and closing.

static void put_name(struct bytes *out, uint32_t field, const char *name) {
    char copied[LABEL];
    name_copy(copied, sizeof copied, name);
    pb_string(out, field, copied);
}

// What the program was started as: an Android app's is its package.
static const char *program(char *line, size_t size) {
    procfs_read("/proc/self/cmdline", line, size);
    const char *slash = strrchr(line, '/');
    return slash ? slash + 1 : line;
}

static void put_header(struct exray_capture *x, struct bytes *out, const uint8_t *model) {
    pb_uint(out, 1, 1);
    pb_uint(out, 2, PASS_APP);
    pb_string(out, 3, EXRAY_AGENT_VERSION);
    pb_string(out, 4, EXRAY_ABI);
    if (model) pb_bytes(out, 6, model, SHA256_SIZE);
    pb_uint(out, 13, clock_ns(CLOCK_REALTIME));
    pb_uint(out, 14, monotonic_ns());
    const char *const *labels = x->options.labels;
    for (size_t i = 0; labels && labels[i] && labels[i + 1]; i += 2) {
        struct bytes entry = {0};
        put_name(&entry, 1, labels[i]);
        put_name(&entry, 2, labels[i + 1]);
        pb_message(out, 16, &entry);
        bytes_free(&entry);
    }
    pb_uint(out, 21, x->options.byte_budget);
    char line[LABEL];
    put_name(out, 24, x->options.app ? x->options.app : program(line, sizeof line));
}

static int write_header(struct exray_capture *x, const char *path, const uint8_t *model) {
    x->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (x->fd < 0) return errno;
    struct mcap_schema_data schema = {EXRAY_DESCRIPTOR, sizeof EXRAY_DESCRIPTOR};
    int error = mcap_open(&x->mcap, x->fd, "exray " EXRAY_AGENT_VERSION, CHANNELS, LOG_CHANNELS, schema, CHUNK);
    if (error) return error;
    struct bytes message = {0};
    put_header(x, &message, model);
    error = message.failed ? ENOMEM
                           : mcap_message(&x->mcap, LOG_HEADER, monotonic_ns(), message.data, message.size, NULL, 0);
    bytes_free(&message);
    // What follows may never come: the header stands alone.
    return error ? error : mcap_flush(&x->mcap);
}

static void release(struct exray_capture *x) {
    if (x->fd >= 0) close(x->fd);
    if (x->statm >= 0) close(x->statm);
    mcap_free(&x->mcap);
    ring_free(&x->ring);
    for (size_t i = 0; i < FRAMES_OPEN; i++) bytes_free(&x->frames[i].held);
    pthread_mutex_destroy(&x->held_lock);
    pthread_mutex_destroy(&x->specs_lock);
    pthread_mutex_destroy(&x->flush_lock);
    pthread_cond_destroy(&x->flush_over);
    sem_destroy(&x->wake);
    free(x);
}

exray_capture *exray_open(const char *path, const exray_options *options) {
    why[0] = 0;
    uint8_t digest[SHA256_SIZE];
    bool model = options && options->model;
    int error = model ? sha256_file(options->model, digest) : 0;
    if (error) {
        log_refuse("the model %s cannot be read: %s", options->model, strerror(error));
        return NULL;
    }
    struct exray_capture *x = calloc(1, sizeof *x);
    if (!x) {
        log_refuse("no memory");
        return NULL;
    }
    x->fd = x->statm = -1;
    x->pid = getpid();
    if (options) memcpy(&x->options, options, options->size < sizeof *options ? options->size : sizeof *options);
    pthread_mutex_init(&x->held_lock, NULL);
    pthread_mutex_init(&x->specs_lock, NULL);
    pthread_mutex_init(&x->flush_lock, NULL);
    pthread_cond_init(&x->flush_over, NULL);
    sem_init(&x->wake, 0, 0);
    error = ring_open(&x->ring, x->options.ring ? x->options.ring : RING) ? write_header(x, path, model ? digest : NULL)
                                                                          : ENOMEM;
    if (!x->options.no_memory) x->statm = procfs_statm();
    x->options.labels = NULL, x->options.app = x->options.model = NULL;  // the caller's
    atomic_store(&x->logged_bytes, x->mcap.offset);
    uint64_t least = log_least_budget(x);
    if (!error && x->options.byte_budget && x->options.byte_budget < least) {
        log_refuse("a byte budget of %llu holds no frame: give %llu at least",
                   (unsigned long long)x->options.byte_budget, (unsigned long long)least);
        release(x);
        return NULL;
    }
    if (!error) error = writer_start(x);
    if (error) {
        log_refuse("%s cannot be written: %s", path, strerror(error));
        release(x);
        return NULL;
    }
    if (!x->options.no_signals) crash_watch(x);
    return x;
}

void exray_count(const exray_capture *x, exray_totals *totals) {
    *totals = (exray_totals){0};
    if (!x) return;
    totals->frames = atomic_load(&x->stopped_frames);
    totals->bytes = atomic_load(&x->file_bytes);
    totals->dropped = atomic_load(&x->dropped);
    totals->dropped_bytes = atomic_load(&x->dropped_bytes);
    totals->over_budget = atomic_load(&x->over_budget);
    totals->error = atomic_load(&x->error);
}

int exray_flush(exray_capture *x) {
    if (!x) return 0;
    writer_flush(x);
    return atomic_load(&x->error);
}

int exray_close(exray_capture *x, exray_totals *totals) {
    exray_totals own, *total = totals ? totals : &own;
    if (!x) {
        exray_count(NULL, total);
        return 0;
    }
    crash_unwatch(x);
    writer_stop(x);
    exray_count(x, total);
    if (!total->error) {
        uint8_t end[5 * WIRE_UINT], *at = end;
        at = wire_uint(at, 1, total->frames);
        at = wire_uint(at, 2, monotonic_ns());
        at = wire_uint(at, 3, total->dropped);
        at = wire_uint(at, 4, total->dropped_bytes);
        at = wire_uint(at, 5, total->over_budget);
        int error = mcap_message(&x->mcap, LOG_END, monotonic_ns(), end, (size_t)(at - end), NULL, 0);
        if (!error) error = mcap_close(&x->mcap);
        if (!error && close(x->fd) != 0) error = errno;  // some file systems tell of a full disk only here
        if (!error) x->fd = -1;
        total->error = error;
        total->bytes = x->mcap.offset;
    }
    int error = total->error;
    release(x);
    return error;
}
