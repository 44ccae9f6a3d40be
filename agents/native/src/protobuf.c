#include "protobuf.h"

#include <string.h>

#include "text.h"

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2 };

static void varint(struct bytes *out, uint64_t value) {
    uint8_t encoded[10];
    size_t n = 0;
    for (; value >= 0x80; value >>= 7) encoded[n++] = (uint8_t)(value | 0x80);
    encoded[n++] = (uint8_t)value;
    bytes_append(out, encoded, n);
}

static void tag(struct bytes *out, uint32_t field, uint32_t wire) { varint(out, (uint64_t)field << 3 | wire); }

void pb_uint(struct bytes *out, uint32_t field, uint64_t value) {
    if (value == 0) return;
    tag(out, field, WIRE_VARINT);
    varint(out, value);
}

void pb_int(struct bytes *out, uint32_t field, int64_t value) { pb_uint(out, field, (uint64_t)value); }

void pb_int_present(struct bytes *out, uint32_t field, int64_t value) {
    tag(out, field, WIRE_VARINT);
    varint(out, (uint64_t)value);
}

void pb_sint(struct bytes *out, uint32_t field, int64_t value) {
    pb_uint(out, field, ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0));
}

static uint64_t double_bits(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

void pb_double(struct bytes *out, uint32_t field, double value) {
    if (double_bits(value) == 0) return;
    tag(out, field, WIRE_FIXED64);
    bytes_u64(out, double_bits(value));
}

void pb_bytes_head(struct bytes *out, uint32_t field, size_t n) {
    tag(out, field, WIRE_BYTES);
    varint(out, n);
}

void pb_bytes(struct bytes *out, uint32_t field, const void *data, size_t n) {
    if (n == 0) return;
    pb_bytes_head(out, field, n);
    bytes_append(out, data, n);
}

void pb_string(struct bytes *out, uint32_t field, const char *text) {
    struct bytes clean = {0};
    text_utf8(&clean, text, strlen(text));
    if (clean.failed) out->failed = true;
    pb_bytes(out, field, clean.data, clean.size);
    bytes_free(&clean);
}

void pb_message(struct bytes *out, uint32_t field, const struct bytes *message) {
    if (message->failed) out->failed = true;
    pb_bytes_head(out, field, message->size);
    bytes_append(out, message->data, message->size);
}

void pb_packed_doubles(struct bytes *out, uint32_t field, const double *values, size_t n) {
    if (n == 0) return;
    pb_bytes_head(out, field, n * 8);
    for (size_t i = 0; i < n; i++) bytes_u64(out, double_bits(values[i]));
}

void pb_packed_floats(struct bytes *out, uint32_t field, const float *values, size_t n) {
    if (n == 0) return;
    pb_bytes_head(out, field, n * 4);
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        bytes_u32(out, bits);
    }
}

void pb_packed_ints(struct bytes *out, uint32_t field, const int64_t *values, size_t n) {
    if (n == 0) return;
    struct bytes packed = {0};
    for (size_t i = 0; i < n; i++) varint(&packed, (uint64_t)values[i]);
    pb_message(out, field, &packed);
    bytes_free(&packed);
}
