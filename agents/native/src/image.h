// A decoded RGB frame.
#ifndef EXRAY_IMAGE_H
#define EXRAY_IMAGE_H

#include <stddef.h>
#include <stdint.h>

enum { IMAGE_MAX_SIDE = 65535, IMAGE_MAX_PIXELS = 1 << 26 };

struct image {
    uint8_t *pixels;  // height x width x 3, packed
    size_t width, height;
    size_t capacity;  // bytes allocated
};

// Makes room for width x height, keeping the allocation where it suffices. Pixels are undefined afterwards.
void image_reserve(struct image *image, size_t width, size_t height);
// Reads a binary PPM (P6, maxval 255), or fails with frame-unreadable.
void image_read_ppm(struct image *image, const char *path);
void image_free(struct image *image);

#endif
