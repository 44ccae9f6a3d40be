// Stretching an image to a size. Results are rounded to a byte (half up).
#ifndef EXRAY_RESIZE_H
#define EXRAY_RESIZE_H

#include <stdbool.h>
#include <stddef.h>

#include "image.h"

enum resize_method {
    RESIZE_BILINEAR,                // Pillow's BILINEAR: a triangle as wide as the shrinking asks (antialiased)
    RESIZE_BILINEAR_HALF_PIXEL,     // two taps at (i + 0.5) * in / out - 0.5
    RESIZE_BILINEAR_ALIGN_CORNERS,  // two taps at i * (in - 1) / (out - 1)
    RESIZE_BILINEAR_LEGACY,         // two taps at i * in / out
    RESIZE_NEAREST,                 // the pixel at floor((i + 0.5) * in / out)
    RESIZE_AREA,                    // the mean over what an output pixel covers
    RESIZE_METHODS,
};

extern const char *const RESIZE_NAMES[RESIZE_METHODS];

// Part of an image: the rectangle at (x, y).
struct region {
    size_t x, y, width, height;
};

// Memory that stays between frames. Start from zeros.
struct resizer {
    double *weights[2];  // of the taps along x and along y
    size_t *starts[2];
    size_t *counts[2];
    size_t stride[2];    // taps reserved a pixel
    double *rows;        // in-height x out-width x 3, resized along x only
    enum resize_method method;
    struct region from;
    size_t width, height;  // of the result the tables are for; 0: none
    size_t rows_capacity;
};

// Resizes `from` of `source` into `target`, which has its size already.
void resize(struct resizer *resizer, enum resize_method method, const struct image *source, struct region from,
            struct image *target);
void resizer_free(struct resizer *resizer);

#endif
