// A growable run of bytes. Running out of memory is sticky: `failed` is set and later writes are ignored.
#ifndef EXRAY_BYTES_H
#define EXRAY_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    uint8_t *data;
    size_t size;
    size_t capacity;
    bool failed;
};

// `n` more bytes at the end, uninitialized, or NULL when memory ran out.
uint8_t *bytes_extend(struct bytes *bytes, size_t n);
void bytes_append(struct bytes *bytes, const void *data, size_t n);
void bytes_clear(struct bytes *bytes);
void bytes_free(struct bytes *bytes);

// Little-endian integers, as MCAP stores them.
void bytes_u8(struct bytes *bytes, uint8_t value);
void bytes_u16(struct bytes *bytes, uint16_t value);
void bytes_u32(struct bytes *bytes, uint32_t value);
void bytes_u64(struct bytes *bytes, uint64_t value);
void store_u64(uint8_t *out, uint64_t value);

#endif
