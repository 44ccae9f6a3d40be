#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// Length of the valid UTF-8 sequence at `s` (RFC 3629: no overlong forms, no surrogates), or 0.
static size_t sequence_length(const uint8_t *s, size_t n) {
    if (s[0] < 0x80) return 1;
    size_t length = s[0] >= 0xC2 && s[0] <= 0xDF ? 2 : (s[0] & 0xF0) == 0xE0 ? 3 : s[0] >= 0xF0 && s[0] <= 0xF4 ? 4 : 0;
    if (length == 0 || length > n) return 0;
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xC0) != 0x80) return 0;
    }
    if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F)) return 0;
    if ((s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F)) return 0;
    return length;
}

void text_utf8(struct bytes *out, const char *text, size_t n) {
    const uint8_t *s = (const uint8_t *)text;
    for (size_t i = 0; i < n;) {
        size_t length = sequence_length(s + i, n - i);
        if (length) {
            bytes_append(out, s + i, length);
        } else {
            bytes_append(out, "\xEF\xBF\xBD", 3);
        }
        i += length ? length : 1;
    }
}

void text_raw(struct bytes *out, const char *text) { bytes_append(out, text, strlen(text)); }

void text_json(struct bytes *out, const char *text) {
    bytes_u8(out, '"');
    for (size_t n = strlen(text), i = 0; i < n;) {
        uint8_t c = (uint8_t)text[i];
        if (c == '"' || c == '\\') {
            bytes_u8(out, '\\');
            bytes_u8(out, c);
            i++;
        } else if (c < 0x20 || c == 0x7F) {
            char escape[8];
            snprintf(escape, sizeof escape, "\\u%04x", (unsigned)c);
            text_raw(out, escape);
            i++;
        } else {
            size_t length = sequence_length((const uint8_t *)text + i, n - i);
            text_utf8(out, text + i, length ? length : 1);
            i += length ? length : 1;
        }
    }
    bytes_u8(out, '"');
}

void text_number(struct bytes *out, uint64_t value) {
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, value);
    text_raw(out, digits);
}

bool text_parse_u64(const char *text, uint64_t *value) {
    *value = 0;
    if (!*text) return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9') return false;
        uint64_t digit = (uint64_t)(*text - '0');
        if (*value > (UINT64_MAX - digit) / 10) return false;
        *value = *value * 10 + digit;
    }
    return true;
}

void text_hex(struct bytes *out, const uint8_t *data, size_t n) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        bytes_u8(out, (uint8_t)digits[data[i] >> 4]);
        bytes_u8(out, (uint8_t)digits[data[i] & 15]);
    }
}
