// A bounded queue of records between any threads and one reader. Writing never waits: a record that does not fit is
// refused.
#ifndef EXRAY_RING_H
#define EXRAY_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
    uint8_t *data;
    size_t size;  // a power of two
    uint64_t secret;
    _Atomic uint64_t head;  // bytes ever reserved
    _Atomic uint64_t tail;  // bytes ever released
};

// `at` is to be filled with what was asked for, then given to ring_commit.
struct ring_space {
    uint8_t *at;  // NULL: no room
    uint64_t position;
};

struct ring_record {
    uint16_t kind;
    size_t size;
    uint64_t time;
    const uint8_t *data;
    uint64_t end;  // for ring_release
};

// False where memory ran out. `size` is rounded up to a power of two.
bool ring_open(struct ring *ring, size_t size);
void ring_free(struct ring *ring);

struct ring_space ring_reserve(struct ring *ring, uint16_t kind, uint64_t time, size_t size);
void ring_commit(struct ring *ring, struct ring_space space);

// The oldest record that was committed; false where there is none. It stays until ring_release.
bool ring_peek(struct ring *ring, struct ring_record *record);
void ring_release(struct ring *ring, const struct ring_record *record);
// Bytes that are taken, as it is while others write.
size_t ring_waiting(const struct ring *ring);
// The largest record that can ever fit.
size_t ring_largest(const struct ring *ring);

#endif
