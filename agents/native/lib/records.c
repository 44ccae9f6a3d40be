// What a record takes on its way to the file: room in the ring, and bytes of the budget.
#include <string.h>

#include "log.h"

enum {
    WAKE = 128 << 10,          // waiting bytes that the writer is not left to find by itself
    AROUND_MESSAGE = 31 + 16,  // bytes in the file: its record and its entry in its chunk's index
    AROUND_CHUNK = 352,        // head, indexes, and entry in the file's index, at most
    CHUNKS_BEGUN = 2,
    TAIL = 4096,  // of the file, schemas and chunk index apart
};

void log_dropped(struct exray_capture *x, size_t size) {
    atomic_fetch_add_explicit(&x->dropped, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&x->dropped_bytes, size, memory_order_relaxed);
}

void log_spent(struct exray_capture *x, size_t size) {
    atomic_fetch_add_explicit(&x->logged_bytes, AROUND_MESSAGE + size, memory_order_relaxed);
}

bool log_put(struct exray_capture *x, enum log_channel channel, uint64_t time, const void *head, size_t head_size,
             const void *body, size_t body_size) {
    size_t size = head_size + body_size;
    struct ring_space space = ring_reserve(&x->ring, (uint16_t)channel, time, size);
    if (!space.at) {
        log_dropped(x, size);
        return false;
    }
    memcpy(space.at, head, head_size);
    if (body_size) memcpy(space.at + head_size, body, body_size);
    ring_commit(&x->ring, space);
    log_spent(x, size);
    size_t many = x->ring.size / 2 < WAKE ? x->ring.size / 2 : WAKE;
    if (ring_waiting(&x->ring) > many) writer_wake(x);
    return true;
}

uint64_t log_least_budget(const struct exray_capture *x) { return 2 * (x->mcap.start + TAIL); }

bool log_affords(struct exray_capture *x, size_t size, bool spare) {
    uint64_t budget = x->options.byte_budget;
    if (!budget) return true;
    // The last part is for frames' times, and of that some for the index and the schemas at the end.
    uint64_t kept = x->mcap.start + TAIL + (spare ? budget / 8 : budget / 64);
    uint64_t chunks = atomic_load_explicit(&x->chunks, memory_order_relaxed) + CHUNKS_BEGUN;
    kept += chunks * AROUND_CHUNK + ring_waiting(&x->ring) / 64;  // what waits begins chunks, too
    uint64_t logged = atomic_load_explicit(&x->logged_bytes, memory_order_relaxed);
    if (logged + AROUND_MESSAGE + size + kept <= budget) return true;
    atomic_fetch_add_explicit(&x->over_budget, 1, memory_order_relaxed);
    return false;
}
