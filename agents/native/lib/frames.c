// Frames: what an app is at, up to sixty-four at once.
#include "../src/clock.h"
#include "log.h"
#include "wire.h"

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
        log_dropped(x, 0);
        return 0;
    }
    opened->start = now;
    opened->invoke_start = opened->preprocess_ns = opened->invoke_ns = 0;
    opened->logged = sampled(x, frame);
    bytes_clear(&opened->held);
    name_copy(opened->name, sizeof opened->name, name);
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
    pthread_mutex_lock(&x->held_lock);
    for (size_t at = 0; at + sizeof(struct held) <= held->size;) {
        struct held record;
        memcpy(&record, held->data + at, sizeof record);
        at += sizeof record;
        if (log_affords(x, record.size, true)) {
            log_put(x, (enum log_channel)record.channel, record.time, held->data + at, record.size, NULL, 0);
        }
        at += record.size;
    }
    bytes_clear(held);
    pthread_mutex_unlock(&x->held_lock);
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
    at = wire_uint(at, 8, now - opened->start);
    if (opened->logged && opened->held.size) send_held(x, &opened->held);
    size_t memory = x->statm < 0 ? 0 : WIRE_UINT;  // the writer adds it
    if (log_affords(x, (size_t)(at - message) + memory, false)) {
        atomic_fetch_add_explicit(&x->logged_bytes, memory, memory_order_relaxed);
        log_put(x, LOG_FRAME, now, message, (size_t)(at - message), NULL, 0);
    }
    atomic_fetch_add_explicit(&x->stopped_frames, 1, memory_order_relaxed);
    atomic_store_explicit(&opened->frame, 0, memory_order_release);
}
