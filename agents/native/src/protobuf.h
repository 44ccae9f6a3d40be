// Protocol buffers' wire format, writing only. Fields at their proto3 default (0, empty) are left out, as protoc does.
#ifndef EXRAY_PROTOBUF_H
#define EXRAY_PROTOBUF_H

#include "bytes.h"

void pb_uint(struct bytes *out, uint32_t field, uint64_t value);
// int32 and int64: negative values take ten bytes.
void pb_int(struct bytes *out, uint32_t field, int64_t value);
// The same of an `optional` field: 0 is written, too.
void pb_int_present(struct bytes *out, uint32_t field, int64_t value);
// sint32 and sint64: zigzag.
void pb_sint(struct bytes *out, uint32_t field, int64_t value);
void pb_double(struct bytes *out, uint32_t field, double value);
void pb_bytes(struct bytes *out, uint32_t field, const void *data, size_t n);
// Text that is not UTF-8 is mended (text.h).
void pb_string(struct bytes *out, uint32_t field, const char *text);
// A submessage, written even when empty; also a map's entry.
void pb_message(struct bytes *out, uint32_t field, const struct bytes *message);
void pb_packed_doubles(struct bytes *out, uint32_t field, const double *values, size_t n);
void pb_packed_floats(struct bytes *out, uint32_t field, const float *values, size_t n);
void pb_packed_ints(struct bytes *out, uint32_t field, const int64_t *values, size_t n);
// Tag and length of a bytes field whose content the caller writes itself, right after.
void pb_bytes_head(struct bytes *out, uint32_t field, size_t n);

#endif
