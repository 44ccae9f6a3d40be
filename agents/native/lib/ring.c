#include "ring.h"

#include <stdlib.h>

#include "../src/clock.h"

enum { ALIGN = 16, PAD = 0xFFFF };

// In front of each record. `ticket` names the record's place in all that was ever written, times a secret: what stands
// there from an earlier lap, be it a record's data, cannot look like it.
struct head {
    _Atomic uint64_t ticket;
    uint64_t time;
    uint32_t size;  // of the data
    uint16_t kind;
    uint16_t reserved;
    uint64_t unused;
};
_Static_assert(sizeof(struct head) == 32, "records are aligned");

static uint64_t ticket_of(const struct ring *ring, uint64_t position) { return (position + 1) * ring->secret; }

static struct head *head_at(const struct ring *ring, uint64_t position) {
    return (struct head *)(void *)(ring->data + (position & (ring->size - 1)));
}

static size_t whole(size_t size) { return (sizeof(struct head) + size + ALIGN - 1) & ~(size_t)(ALIGN - 1); }

bool ring_open(struct ring *ring, size_t size) {
    size_t rounded = 4096;
    while (rounded < size && rounded <= SIZE_MAX / 4) rounded *= 2;
    *ring = (struct ring){.size = rounded};
    ring->secret = (monotonic_ns() * 0x9E3779B97F4A7C15u) ^ (uint64_t)(uintptr_t)ring;
    ring->secret |= 1;
    void *data;  // bionic has aligned_alloc since API 28
    if (posix_memalign(&data, 64, rounded) != 0) return false;
    ring->data = data;
    // Headers are looked at before they are written.
    for (size_t at = 0; at < rounded; at += ALIGN) *(uint64_t *)(void *)(ring->data + at) = 0;
    return true;
}

void ring_free(struct ring *ring) {
    free(ring->data);
    ring->data = NULL;
}

size_t ring_largest(const struct ring *ring) { return ring->size / 2 - sizeof(struct head) - ALIGN; }

struct ring_space ring_reserve(struct ring *ring, uint16_t kind, uint64_t time, size_t size) {
    struct ring_space none = {0};
    if (size > ring_largest(ring)) return none;
    size_t needed = whole(size);
    uint64_t at = atomic_load_explicit(&ring->head, memory_order_relaxed);
    size_t room;
    do {
        uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
        room = ring->size - (size_t)(at & (ring->size - 1));  // to the end: a record stands in one piece
        if (room >= needed) room = 0;
        if (at + room + needed - tail > ring->size) return none;
    } while (!atomic_compare_exchange_weak_explicit(&ring->head, &at, at + room + needed, memory_order_relaxed,
                                                    memory_order_relaxed));
    if (room > 0) {
        // The rest is at least one alignment, which holds a ticket and a time, but not a whole head.
        struct head *pad = head_at(ring, at);
        pad->time = PAD;
        atomic_store_explicit(&pad->ticket, ticket_of(ring, at) ^ PAD, memory_order_release);
        at += room;
    }
    struct head *head = head_at(ring, at);
    head->time = time;
    head->size = (uint32_t)size;
    head->kind = kind;
    return (struct ring_space){(uint8_t *)(head + 1), at};
}

void ring_commit(struct ring *ring, struct ring_space space) {
    atomic_store_explicit(&head_at(ring, space.position)->ticket, ticket_of(ring, space.position),
                          memory_order_release);
}

bool ring_peek(struct ring *ring, struct ring_record *record) {
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    struct head *head = head_at(ring, tail);
    uint64_t ticket = atomic_load_explicit(&head->ticket, memory_order_acquire);
    if (ticket == (ticket_of(ring, tail) ^ PAD)) {
        tail += ring->size - (tail & (ring->size - 1));
        head = head_at(ring, tail);
        ticket = atomic_load_explicit(&head->ticket, memory_order_acquire);
    }
    if (ticket != ticket_of(ring, tail)) return false;
    *record = (struct ring_record){
        .kind = head->kind,
        .size = head->size,
        .time = head->time,
        .data = (const uint8_t *)(head + 1),
        .end = tail + whole(head->size),
    };
    return true;
}

void ring_release(struct ring *ring, const struct ring_record *record) {
    atomic_store_explicit(&ring->tail, record->end, memory_order_release);
}

size_t ring_waiting(const struct ring *ring) {
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    return (size_t)(head - tail);
}
