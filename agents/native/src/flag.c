#include "flag.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "text.h"

unsigned flag_number(const char *option, const char *text, unsigned low, unsigned high) {
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || value < low || value > high) {
        fail(ERROR_BAD_USAGE, option, "%s is not a number from %u to %u", text, low, high);
    }
    return (unsigned)value;
}

uint64_t flag_big_number(const char *option, const char *text, uint64_t low) {
    uint64_t value;
    if (!text_parse_u64(text, &value) || value < low) fail(ERROR_BAD_USAGE, option, "%s is not a number", text);
    return value;
}

int32_t flag_integer(const char *option, const char *text) {
    uint64_t value, limit = text[0] == '-' ? UINT64_C(1) << 31 : INT32_MAX;
    if (!text_parse_u64(text + (text[0] == '-'), &value) || value > limit) {
        fail(ERROR_BAD_USAGE, option, "%s is not a number from %d to %d", text, INT32_MIN, INT32_MAX);
    }
    return (int32_t)(text[0] == '-' ? -(int64_t)value : (int64_t)value);
}

// No locale is ever set: the decimal point is a point.
double flag_real_until(const char *option, const char *text, char **end) {
    double value = strtod(text, end);
    if (*end == text || !isfinite(value)) fail(ERROR_BAD_USAGE, option, "%s is not a number", text);
    return value;
}

double flag_real(const char *option, const char *text) {
    char *end;
    double value = flag_real_until(option, text, &end);
    if (*end) fail(ERROR_BAD_USAGE, option, "%s is not a number", text);
    return value;
}

size_t flag_one_of(const char *option, const char *text, const char *const *words) {
    for (size_t i = 0; words[i]; i++) {
        if (strcmp(text, words[i]) == 0) return i;
    }
    fail(ERROR_BAD_USAGE, option, "%s is not one of its values, of which the first is %s", text, words[0]);
}
