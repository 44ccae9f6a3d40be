// Text that leaves the agent: always valid UTF-8, since protobuf and JSON readers refuse anything else.
#ifndef EXRAY_TEXT_H
#define EXRAY_TEXT_H

#include <stdbool.h>

#include "bytes.h"

// Appends `n` bytes of text; every byte that is not part of a valid UTF-8 sequence becomes U+FFFD.
void text_utf8(struct bytes *out, const char *text, size_t n);
// Appends a JSON string, quotes included.
void text_json(struct bytes *out, const char *text);
// Appends a NUL-terminated string without its NUL.
void text_raw(struct bytes *out, const char *text);
void text_number(struct bytes *out, uint64_t value);
// Whether `text`, all of it, is a decimal number of at most 64 bits.
bool text_parse_u64(const char *text, uint64_t *value);
void text_hex(struct bytes *out, const uint8_t *data, size_t n);

#endif
