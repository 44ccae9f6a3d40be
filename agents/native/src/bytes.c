#include "bytes.h"

#include <stdlib.h>
#include <string.h>

uint8_t *bytes_extend(struct bytes *bytes, size_t n) {
    if (bytes->failed) return NULL;
    if (n > SIZE_MAX / 2 - bytes->size) {
        bytes->failed = true;
        return NULL;
    }
    size_t needed = bytes->size + n;
    if (needed > bytes->capacity) {
        size_t capacity = bytes->capacity ? bytes->capacity : 256;
        while (capacity < needed) capacity *= 2;
        uint8_t *data = realloc(bytes->data, capacity);
        if (!data) {
            bytes->failed = true;
            return NULL;
        }
        bytes->data = data;
        bytes->capacity = capacity;
    }
    uint8_t *at = bytes->data + bytes->size;
    bytes->size = needed;
    return at;
}

void bytes_append(struct bytes *bytes, const void *data, size_t n) {
    if (n == 0) return;
    uint8_t *at = bytes_extend(bytes, n);
    if (at) memcpy(at, data, n);
}

void bytes_clear(struct bytes *bytes) { bytes->size = 0; }

void bytes_free(struct bytes *bytes) {
    free(bytes->data);
    *bytes = (struct bytes){0};
}

static void append_le(struct bytes *bytes, uint64_t value, size_t width) {
    uint8_t *at = bytes_extend(bytes, width);
    if (!at) return;
    for (size_t i = 0; i < width; i++) at[i] = (uint8_t)(value >> (8 * i));
}

void bytes_u8(struct bytes *bytes, uint8_t value) { append_le(bytes, value, 1); }
void bytes_u16(struct bytes *bytes, uint16_t value) { append_le(bytes, value, 2); }
void bytes_u32(struct bytes *bytes, uint32_t value) { append_le(bytes, value, 4); }
void bytes_u64(struct bytes *bytes, uint64_t value) { append_le(bytes, value, 8); }

void store_u64(uint8_t *out, uint64_t value) {
    for (size_t i = 0; i < 8; i++) out[i] = (uint8_t)(value >> (8 * i));
}
