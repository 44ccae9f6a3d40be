// Names as captures hold them: UTF-8, whatever an app gives.
#include <string.h>

#include "log.h"

// Bytes of the character at `text`; 0 where it is none. UTF-8 as RFC 3629 has it.
static size_t character(const unsigned char *text) {
    unsigned first = text[0], second = first < 0x80 ? 0 : text[1];
    if (first < 0x80) return 1;
    if (first < 0xC2 || first > 0xF4) return 0;
    size_t n = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    for (size_t i = 1; i < n; i++) {
        if ((text[i] & 0xC0) != 0x80) return 0;
    }
    if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second >= 0xA0)) return 0;  // overlong; half of a pair
    if ((first == 0xF0 && second < 0x90) || (first == 0xF4 && second >= 0x90)) return 0;
    return n;
}

size_t name_copy(char *to, size_t room, const char *name) {
    size_t used = 0;
    for (const unsigned char *from = (const unsigned char *)name; from && *from;) {
        size_t n = character(from), copied = n ? n : 1;
        if (used + copied >= room) break;
        if (n) memcpy(to + used, from, n);
        else to[used] = '?';
        used += copied, from += copied;
    }
    to[used] = 0;
    return used;
}
