#include "resample.h"

#include <math.h>
#include <stdlib.h>

#include "error.h"

enum { ZEROS = 16, MAX_KEPT = 1 << 20 };  // zero crossings to a side; weights

static const double PI = 3.14159265358979323846;

// docs/recipes.md: c sinc(c t) (0.5 + 0.5 cos(pi t c / 16)); `at` is t c.
static double weight(double at, double c) {
    if (fabs(at) >= (double)ZEROS) return 0;
    double sinc = fabs(at) > 0 ? sin(PI * at) / (PI * at) : 1;
    return c * sinc * (0.5 + 0.5 * cos(PI * at / (double)ZEROS));
}

// The weights of the samples from `reach` before a position `phase / out` after a sample.
static void fill(const struct resampler *r, uint64_t phase, double *row) {
    double c = r->out < r->in ? (double)r->out / (double)r->in : 1;
    for (size_t k = 0; k < r->width; k++) {
        double t = (double)phase / (double)r->out + ((double)r->reach - (double)k);
        row[k] = weight(t * c, c);
    }
}

static uint64_t greatest_common_divisor(uint64_t a, uint64_t b) {
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

void resampler_set(struct resampler *r, unsigned in, unsigned out) {
    uint64_t shared = greatest_common_divisor(in, out);
    if (r->weights && r->in == in / shared && r->out == out / shared) return;
    resampler_free(r);
    r->in = in / shared;
    r->out = out / shared;
    r->reach = (size_t)(r->out < r->in ? (ZEROS * r->in + r->out - 1) / r->out : ZEROS);
    r->width = 2 * r->reach + 2;
    r->rows = r->out <= MAX_KEPT / r->width ? (size_t)r->out : 1;
    r->weights = malloc(r->rows * r->width * sizeof(double));
    if (!r->weights) fail_memory("resampling");
    for (size_t phase = 0; r->rows == r->out && phase < r->rows; phase++) fill(r, phase, r->weights + phase * r->width);
}

uint64_t resampler_length(const struct resampler *r, size_t length) {
    uint64_t samples = (uint64_t)length * r->out / r->in;
    return samples ? samples : 1;
}

uint64_t resampler_needs(const struct resampler *r, size_t count) {
    return count ? (uint64_t)(count - 1) * r->in / r->out + r->reach + 2 : 0;
}

void resample(struct resampler *r, const double *x, size_t length, double *y, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint64_t at = (uint64_t)i * r->in, base = at / r->out, phase = at % r->out;
        double *row = r->weights;
        if (r->rows == r->out) {
            row += phase * r->width;
        } else {
            fill(r, phase, row);
        }
        // Weight k is that of sample base - reach + k.
        uint64_t first = base < r->reach ? r->reach - base : 0;
        uint64_t last = length + r->reach > base ? length + r->reach - base : 0;
        if (last > r->width) last = r->width;
        double sum = 0;
        for (uint64_t k = first; k < last; k++) sum += row[k] * x[base + k - r->reach];
        y[i] = sum;
    }
}

void resampler_free(struct resampler *r) {
    free(r->weights);
    *r = (struct resampler){0};
}
