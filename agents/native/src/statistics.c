#include "statistics.h"

#include <math.h>
#include <string.h>

// Running sums over values not yet scaled.
struct sums {
    double min, max, sum, squares;
    uint64_t finite, saturated, nan;
};

static void take(struct sums *s, double value, uint64_t times) {
    s->min = value < s->min ? value : s->min;
    s->max = value > s->max ? value : s->max;
    s->sum += value * (double)times;
    s->squares += value * value * (double)times;
    s->finite += times;
}

static void take_float(struct sums *s, double value) {
    if (isnan(value)) {
        s->nan++;
    } else if (isinf(value)) {
        s->saturated++;
    } else {
        take(s, value, 1);
    }
}

// Four sums at a time: one alone waits for each addition to end. Where all are finite no value is looked at twice.
static void take_float32(struct sums *s, const float *values, size_t n) {
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        const float *v = values + i;
        double sum[4], low = s->min, high = s->max;
        bool finite = true;
        for (int k = 0; k < 4; k++) {
            sum[k] = (double)v[k];
            finite &= isfinite(v[k]) != 0;
            low = sum[k] < low ? sum[k] : low;
            high = sum[k] > high ? sum[k] : high;
        }
        if (!finite) {
            for (int k = 0; k < 4; k++) take_float(s, sum[k]);
            continue;
        }
        s->min = low;
        s->max = high;
        s->sum += (sum[0] + sum[1]) + (sum[2] + sum[3]);
        s->squares += (sum[0] * sum[0] + sum[1] * sum[1]) + (sum[2] * sum[2] + sum[3] * sum[3]);
        s->finite += 4;
    }
    for (; i < n; i++) take_float(s, (double)values[i]);
}

// IEEE 754 binary16.
static double half(uint16_t bits) {
    int exponent = bits >> 10 & 0x1F;
    double fraction = bits & 0x3FF;
    double value = exponent == 0x1F ? (fraction > 0 ? (double)NAN : (double)INFINITY)
                   : exponent       ? ldexp(fraction + 1024, exponent - 25)
                                    : ldexp(fraction, -24);
    return bits & 0x8000 ? -value : value;
}

// The upper half of a float.
static double brain(uint16_t bits) {
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return (double)value;
}

// From how often each byte comes: 256 values are looked at, however many there are.
static void take_bytes(struct sums *s, const uint8_t *bytes, size_t n, bool is_signed, bool limited) {
    uint64_t seen[4][256] = {{0}};  // four tables, since equal neighbors would wait for each other
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        for (size_t k = 0; k < 4; k++) seen[k][bytes[i + k]]++;
    }
    for (; i < n; i++) seen[0][bytes[i]]++;
    for (int b = 0; b < 256; b++) {
        uint64_t times = seen[0][b] + seen[1][b] + seen[2][b] + seen[3][b];
        int value = is_signed && b > 127 ? b - 256 : b;
        if (times) take(s, value, times);
        if (limited && (value == (is_signed ? -128 : 0) || value == (is_signed ? 127 : 255))) s->saturated += times;
    }
}

// Two values a byte, the first in the lower bits.
static void take_int4(struct sums *s, const uint8_t *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) {
        int value = bytes[i / 2] >> (i % 2 * 4) & 15;
        value = value > 7 ? value - 16 : value;
        take(s, value, 1);
        s->saturated += value == -8 || value == 7;
    }
}

#define TAKE_INTEGERS(type, low, high)                        \
    for (size_t i = 0; i < n; i++) {                          \
        type value = ((const type *)data)[i];                 \
        take(&s, (double)value, 1);                           \
        s.saturated += value == (low) || value == (high);     \
    }                                                         \
    break

static size_t bits_of(int32_t type) {
    switch (type) {
        case LITERT_INT4: return 4;
        case LITERT_BOOL:
        case LITERT_UINT8:
        case LITERT_INT8: return 8;
        case LITERT_INT16:
        case LITERT_UINT16:
        case LITERT_FLOAT16:
        case LITERT_BFLOAT16: return 16;
        case LITERT_INT64:
        case LITERT_UINT64:
        case LITERT_FLOAT64: return 64;
        default: return 32;
    }
}

struct statistics statistics_of(const struct tensor *tensor, const void *data) {
    size_t n = 1, most = tensor->size * 8 / bits_of(tensor->type);
    for (uint32_t i = 0; i < tensor->rank; i++) n *= (size_t)tensor->shape[i];
    n = n < most ? n : most;
    struct sums s = {.min = (double)INFINITY, .max = -(double)INFINITY};
    switch (tensor->type) {
        case LITERT_BOOL: take_bytes(&s, data, n, false, false); break;
        case LITERT_UINT8: take_bytes(&s, data, n, false, true); break;
        case LITERT_INT8: take_bytes(&s, data, n, true, true); break;
        case LITERT_INT4: take_int4(&s, data, n); break;
        case LITERT_INT16: TAKE_INTEGERS(int16_t, INT16_MIN, INT16_MAX);
        case LITERT_UINT16: TAKE_INTEGERS(uint16_t, 0, UINT16_MAX);
        case LITERT_INT32: TAKE_INTEGERS(int32_t, INT32_MIN, INT32_MAX);
        case LITERT_UINT32: TAKE_INTEGERS(uint32_t, 0, UINT32_MAX);
        case LITERT_INT64: TAKE_INTEGERS(int64_t, INT64_MIN, INT64_MAX);
        case LITERT_UINT64: TAKE_INTEGERS(uint64_t, 0, UINT64_MAX);
        case LITERT_FLOAT32: take_float32(&s, data, n); break;
        case LITERT_FLOAT64:
            for (size_t i = 0; i < n; i++) take_float(&s, ((const double *)data)[i]);
            break;
        case LITERT_FLOAT16:
            for (size_t i = 0; i < n; i++) take_float(&s, half(((const uint16_t *)data)[i]));
            break;
        case LITERT_BFLOAT16:
            for (size_t i = 0; i < n; i++) take_float(&s, brain(((const uint16_t *)data)[i]));
            break;
        default: n = 0;
    }
    struct statistics result = {.count = n, .saturated = s.saturated, .nan = s.nan};
    if (s.finite == 0) return result;
    double scale = tensor->quantized ? (double)tensor->quantization.scale : 1;
    double zero = tensor->quantized ? (double)tensor->quantization.zero_point : 0;
    double count = (double)s.finite, mean = s.sum / count;
    // E[(q - z)^2] = E[q^2] - 2 z E[q] + z^2; rounding must not make it negative.
    double square = s.squares / count - 2 * zero * mean + zero * zero;
    double a = (s.min - zero) * scale, b = (s.max - zero) * scale;
    result.min = a < b ? a : b;
    result.max = a < b ? b : a;
    result.mean = (mean - zero) * scale;
    result.rms = sqrt(square > 0 ? square : 0) * fabs(scale);
    return result;
}
