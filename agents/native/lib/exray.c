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
    WAKE = RING / 2,   // waiting bytes that the writer is not left to find by itself
    AROUND = 31 + 16,  // of a message in the file: its record and its entry in the index
    TAIL = 4096,       // of the file, schemas and chunk index apart
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
        pb_string(&entry, 1, labels[i]);
        pb_string(&entry, 2, labels[i + 1]);
        pb_message(out, 16, &entry);
        bytes_free(&entry);
    }
    pb_uint(out, 21, x->options.byte_budget);
    if (x->options.app) pb_string(out, 24, x->options.app);
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
    if (options) memcpy(&x->options, options, options->size < sizeof *options ? options->size : sizeof *options);
    pthread_mutex_init(&x->specs_lock, NULL);
    pthread_mutex_init(&x->flush_lock, NULL);
    pthread_cond_init(&x->flush_over, NULL);
    sem_init(&x->wake, 0, 0);
    error = ring_open(&x->ring, x->options.ring ? x->options.ring : RING) ? write_header(x, path, model ? digest : NULL)
                                                                          : ENOMEM;
    if (!x->options.no_memory) x->statm = procfs_statm();
    x->options.labels = NULL, x->options.app = x->options.model = NULL;  // the caller's
    atomic_store(&x->logged_bytes, x->mcap.offset);
    uint64_t least = 2 * (x->mcap.start + TAIL);
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

// Records.

bool log_put(struct exray_capture *x, enum log_channel channel, uint64_t time, const void *head, size_t head_size,
             const void *body, size_t body_size) {
    struct ring_space space = ring_reserve(&x->ring, (uint16_t)channel, time, head_size + body_size);
    if (!space.at) {
        atomic_fetch_add_explicit(&x->dropped, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&x->dropped_bytes, head_size + body_size, memory_order_relaxed);
        return false;
    }
    memcpy(space.at, head, head_size);
    if (body_size) memcpy(space.at + head_size, body, body_size);
    ring_commit(&x->ring, space);
    atomic_fetch_add_explicit(&x->logged_bytes, AROUND + head_size + body_size, memory_order_relaxed);
    size_t many = x->ring.size / 2 < WAKE ? x->ring.size / 2 : WAKE;
    if (ring_waiting(&x->ring) > many) writer_wake(x);
    return true;
}

bool log_affords(struct exray_capture *x, size_t size, bool spare) {
    uint64_t budget = x->options.byte_budget;
    if (!budget) return true;
    // The last part is for frames' times, and of that some for the index and the schemas at the end.
    uint64_t kept = x->mcap.start + TAIL + (spare ? budget / 8 : budget / 64);
    uint64_t logged = atomic_load_explicit(&x->logged_bytes, memory_order_relaxed);
    // Chunks and their indexes take a few per cent.
    if ((logged + size) + (logged + size) / 32 + kept <= budget) return true;
    atomic_fetch_add_explicit(&x->over_budget, 1, memory_order_relaxed);
    return false;
}

// Frames.

struct open_frame *log_frame(struct exray_capture *x, exray_frame frame) {
    for (uint32_t i = 0; x && frame && i < FRAMES_OPEN; i++) {
        struct open_frame *found = &x->frames[(frame + i) % FRAMES_OPEN];
        if (atomic_load_explicit(&found->frame, memory_order_acquire) == frame) return found;
    }
    return NULL;
}

// A place for a frame, taken; NULL where too many are open.
static struct open_frame *take_frame(struct exray_capture *x, exray_frame frame) {
    for (uint32_t i = 0; i < FRAMES_OPEN; i++) {
        struct open_frame *found = &x->frames[(frame + i) % FRAMES_OPEN];
        uint32_t none = 0;
        if (atomic_compare_exchange_strong(&found->frame, &none, FRAME_TAKEN)) return found;
    }
    return NULL;
}

static bool sampled(const struct exray_capture *x, exray_frame frame) {
    switch (x->options.sampling) {
        case EXRAY_EVERY: return x->options.n <= 1 || (frame - 1) % x->options.n == 0;
        case EXRAY_FIRST: return frame <= x->options.n;
        case EXRAY_ON_ASSERTION:
        case EXRAY_NEVER: break;
    }
    return false;
}

exray_frame exray_frame_start(exray_capture *x, const char *name) {
    if (!x) return 0;
    uint64_t now = monotonic_ns();
    exray_frame frame = atomic_fetch_add_explicit(&x->last_frame, 1, memory_order_relaxed) + 1;
    struct open_frame *opened = take_frame(x, frame);
    if (!opened) {
        atomic_fetch_add_explicit(&x->dropped, 1, memory_order_relaxed);
        return 0;
    }
    opened->start = now;
    opened->invoke_start = opened->preprocess_ns = opened->invoke_ns = 0;
    opened->logged = sampled(x, frame);
    bytes_clear(&opened->held);
    size_t length = name ? strnlen(name, FRAME_NAME - 1) : 0;
    if (length) memcpy(opened->name, name, length);
    opened->name[length] = 0;
    atomic_store_explicit(&opened->frame, frame, memory_order_release);
    return frame;
}

void exray_inference_start(exray_capture *x, exray_frame frame) {
    struct open_frame *opened = log_frame(x, frame);
    if (!opened) return;
    opened->invoke_start = monotonic_ns();
    if (!opened->preprocess_ns) opened->preprocess_ns = opened->invoke_start - opened->start;
}

void exray_inference_stop(exray_capture *x, exray_frame frame) {
    uint64_t now = monotonic_ns();
    struct open_frame *opened = log_frame(x, frame);
    if (opened && opened->invoke_start) opened->invoke_ns += now - opened->invoke_start;
}

static void send_held(struct exray_capture *x, struct bytes *held) {
    for (size_t at = 0; at + sizeof(struct held) <= held->size;) {
        struct held record;
        memcpy(&record, held->data + at, sizeof record);
        at += sizeof record;
        log_put(x, (enum log_channel)record.channel, record.time, held->data + at, record.size, NULL, 0);
        at += record.size;
    }
    bytes_clear(held);
}

void exray_frame_stop(exray_capture *x, exray_frame frame) {
    uint64_t now = monotonic_ns();
    struct open_frame *opened = log_frame(x, frame);
    if (!opened) return;
    uint8_t message[6 * WIRE_UINT + WIRE_HEAD + FRAME_NAME], *at = message;
    size_t name = strlen(opened->name);
    at = wire_uint(at, 1, frame - 1);
    at = wire_head(at, 3, name);
    memcpy(at, opened->name, name), at += name;
    at = wire_uint(at, 4, opened->start);
    at = wire_uint(at, 5, opened->preprocess_ns);
    at = wire_uint(at, 6, opened->invoke_ns);
    if (!x->options.no_memory) at = wire_uint(at, 7, procfs_statm_rss(x->statm));
    at = wire_uint(at, 8, now - opened->start);
    if (opened->logged && opened->held.size) send_held(x, &opened->held);
    if (log_affords(x, AROUND + (size_t)(at - message), false)) {
        log_put(x, LOG_FRAME, now, message, (size_t)(at - message), NULL, 0);
    }
    atomic_fetch_add_explicit(&x->stopped_frames, 1, memory_order_relaxed);
    atomic_store_explicit(&opened->frame, 0, memory_order_release);
}
