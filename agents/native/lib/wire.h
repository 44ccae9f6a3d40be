// Protocol buffers into a fixed buffer, for messages whose largest size is known: no allocation between two
// invocations.
#ifndef EXRAY_WIRE_H
#define EXRAY_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { WIRE_UINT = 11, WIRE_DOUBLE = 9, WIRE_HEAD = 11 };  // bytes at most, tag included

static inline uint8_t *wire_varint(uint8_t *at, uint64_t value) {
    for (; value >= 0x80; value >>= 7) *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}

// Fields are below 16: a tag is one byte. What is 0 is left out, as proto3 has it.
static inline uint8_t *wire_uint(uint8_t *at, unsigned field, uint64_t value) {
    if (value == 0) return at;
    *at++ = (uint8_t)(field << 3);
    return wire_varint(at, value);
}

static inline uint8_t *wire_double(uint8_t *at, unsigned field, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (bits == 0) return at;
    *at++ = (uint8_t)(field << 3 | 1);
    for (int i = 0; i < 8; i++) *at++ = (uint8_t)(bits >> (8 * i));
    return at;
}

// Tag and length of `n` bytes that follow.
static inline uint8_t *wire_head(uint8_t *at, unsigned field, size_t n) {
    if (n == 0) return at;
    *at++ = (uint8_t)(field << 3 | 2);
    return wire_varint(at, n);
}

#endif
