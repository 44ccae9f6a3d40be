#include "resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

const char *const RESIZE_NAMES[RESIZE_METHODS] = {
    [RESIZE_BILINEAR] = "bilinear",
    [RESIZE_BILINEAR_HALF_PIXEL] = "bilinear-half-pixel",
    [RESIZE_BILINEAR_ALIGN_CORNERS] = "bilinear-align-corners",
    [RESIZE_BILINEAR_LEGACY] = "bilinear-legacy",
    [RESIZE_NEAREST] = "nearest",
    [RESIZE_AREA] = "area",
};

// The taps of one output pixel: `count` input pixels from `start`, with weights that sum to 1.
struct taps {
    size_t start, count;
    double *weights;
};

// Pillow's precompute_coeffs with a triangle filter. Its 8-bit path keeps weights as multiples of 2^-22; so rounded,
// sums of products are exact in a double, and the result has Pillow's bits.
static void taps_antialiased(struct taps *taps, size_t i, size_t in, size_t out) {
    double scale = (double)in / (double)out;
    double support = scale < 1 ? 1 : scale;
    double center = ((double)i + 0.5) * scale;
    double low = center - support + 0.5, high = center + support + 0.5;
    taps->start = low < 0 ? 0 : (size_t)low;
    size_t end = high > (double)in ? in : (size_t)high;
    taps->count = end - taps->start;
    double sum = 0;
    for (size_t k = 0; k < taps->count; k++) {
        double distance = fabs(((double)(k + taps->start) - center + 0.5) / support);
        taps->weights[k] = distance < 1 ? 1 - distance : 0;
        sum += taps->weights[k];
    }
    const double unit = 1 << 22;
    for (size_t k = 0; k < taps->count; k++) taps->weights[k] = floor(taps->weights[k] / sum * unit + 0.5) / unit;
}

static void taps_linear(struct taps *taps, double at, size_t in) {
    at = at < 0 ? 0 : at > (double)(in - 1) ? (double)(in - 1) : at;
    taps->start = (size_t)at;
    double fraction = at - (double)taps->start;
    taps->count = taps->start + 1 < in ? 2 : 1;
    taps->weights[0] = taps->count == 2 ? 1 - fraction : 1;
    taps->weights[1] = fraction;
}

// Output pixel i covers [i * in, (i + 1) * in) in units of 1/out of an input pixel: integers, so weights are exact.
static void taps_area(struct taps *taps, size_t i, size_t in, size_t out) {
    size_t from = i * in, to = (i + 1) * in;
    taps->start = from / out;
    taps->count = (to + out - 1) / out - taps->start;
    for (size_t k = 0; k < taps->count; k++) {
        size_t left = (taps->start + k) * out, right = left + out;
        size_t covered = (right < to ? right : to) - (left > from ? left : from);
        taps->weights[k] = (double)covered / (double)in;
    }
}

static void taps_of(struct taps *taps, enum resize_method method, size_t i, size_t in, size_t out) {
    double ratio = (double)in / (double)out;
    switch (method) {
        case RESIZE_BILINEAR:
            if (in == out) {  // Pillow skips a pass that changes nothing
                *taps = (struct taps){i, 1, taps->weights};
                taps->weights[0] = 1;
            } else {
                taps_antialiased(taps, i, in, out);
            }
            return;
        case RESIZE_BILINEAR_HALF_PIXEL:
            taps_linear(taps, ((double)i + 0.5) * ratio - 0.5, in);
            return;
        case RESIZE_BILINEAR_ALIGN_CORNERS:
            taps_linear(taps, out == 1 ? 0 : (double)i * (double)(in - 1) / (double)(out - 1), in);
            return;
        case RESIZE_BILINEAR_LEGACY:
            taps_linear(taps, (double)i * ratio, in);
            return;
        case RESIZE_AREA:
            taps_area(taps, i, in, out);
            return;
        case RESIZE_NEAREST:
        case RESIZE_METHODS:
            taps->start = (2 * i + 1) * in / (2 * out);
            taps->count = 1;
            taps->weights[0] = 1;
            return;
    }
}

static void fill_axis(struct resizer *r, int axis, size_t in, size_t out) {
    size_t stride = 2 * (in / out) + 4;  // the antialiased filter's widest support, and room for its rounding
    free(r->weights[axis]);
    free(r->starts[axis]);
    free(r->counts[axis]);
    r->stride[axis] = stride;
    r->weights[axis] = malloc(out * stride * sizeof(double));
    r->starts[axis] = malloc(out * sizeof(size_t));
    r->counts[axis] = malloc(out * sizeof(size_t));
    if (!r->weights[axis] || !r->starts[axis] || !r->counts[axis]) fail_memory("resizing");
    for (size_t i = 0; i < out; i++) {
        struct taps taps = {.weights = r->weights[axis] + i * stride};
        taps_of(&taps, r->method, i, in, out);
        r->starts[axis][i] = taps.start;
        r->counts[axis][i] = taps.count;
    }
}

static void prepare(struct resizer *r, enum resize_method method, struct region from, size_t width, size_t height) {
    bool same_x = r->width == width && r->from.width == from.width && r->method == method;
    bool same_y = r->height == height && r->from.height == from.height && r->method == method;
    r->method = method;
    if (!same_x) fill_axis(r, 0, from.width, width);
    if (!same_y) fill_axis(r, 1, from.height, height);
    r->from = from;
    r->width = width;
    r->height = height;
    size_t needed = from.height * width * 3;
    if (needed > r->rows_capacity) {
        free(r->rows);
        r->rows_capacity = 0;
        r->rows = malloc(needed * sizeof(double));
        if (!r->rows) fail_memory("resizing");
        r->rows_capacity = needed;
    }
}

static double to_byte(double value) {
    value = floor(value + 0.5);
    return value < 0 ? 0 : value > 255 ? 255 : value;
}

void resize(struct resizer *r, enum resize_method method, const struct image *source, struct region from,
            struct image *target) {
    prepare(r, method, from, target->width, target->height);
    size_t row_size = target->width * 3;
    for (size_t y = 0; y < from.height; y++) {
        const uint8_t *row = source->pixels + ((from.y + y) * source->width + from.x) * 3;
        double *out = r->rows + y * row_size;
        for (size_t x = 0; x < target->width; x++, out += 3) {
            const double *weights = r->weights[0] + x * r->stride[0];
            const uint8_t *pixel = row + r->starts[0][x] * 3;
            double red = 0, green = 0, blue = 0;
            for (size_t k = 0; k < r->counts[0][x]; k++, pixel += 3) {
                red += weights[k] * pixel[0];
                green += weights[k] * pixel[1];
                blue += weights[k] * pixel[2];
            }
            // Pillow keeps bytes between its two passes; the others round once, at the end.
            out[0] = method == RESIZE_BILINEAR ? to_byte(red) : red;
            out[1] = method == RESIZE_BILINEAR ? to_byte(green) : green;
            out[2] = method == RESIZE_BILINEAR ? to_byte(blue) : blue;
        }
    }
    for (size_t y = 0; y < target->height; y++) {
        const double *weights = r->weights[1] + y * r->stride[1];
        const double *rows = r->rows + r->starts[1][y] * row_size;
        uint8_t *out = target->pixels + y * row_size;
        for (size_t x = 0; x < row_size; x++) {
            double value = 0;
            for (size_t k = 0; k < r->counts[1][y]; k++) value += weights[k] * rows[k * row_size + x];
            out[x] = (uint8_t)to_byte(value);
        }
    }
}

void resizer_free(struct resizer *r) {
    for (int axis = 0; axis < 2; axis++) {
        free(r->weights[axis]);
        free(r->starts[axis]);
        free(r->counts[axis]);
    }
    free(r->rows);
    *r = (struct resizer){0};
}
