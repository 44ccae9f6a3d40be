#include "image.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

void image_reserve(struct image *image, size_t width, size_t height) {
    size_t needed = width * height * 3;
    if (needed > image->capacity) {
        free(image->pixels);
        *image = (struct image){.pixels = malloc(needed), .capacity = needed};
        if (!image->pixels) fail_memory("a frame");
    }
    image->width = width;
    image->height = height;
}

void image_free(struct image *image) {
    free(image->pixels);
    *image = (struct image){0};
}

// The next number of a PPM header, or -1. White space and comments before it are skipped; one byte after it is taken.
static long header_number(FILE *file) {
    int c = getc(file);
    while (c == ' ' || (c >= '\t' && c <= '\r') || c == '#') {
        if (c == '#') {
            while (c != '\n' && c != '\r' && c != EOF) c = getc(file);
        } else {
            c = getc(file);
        }
    }
    long value = 0;
    int digits = 0;
    for (; c >= '0' && c <= '9' && digits < 7; c = getc(file), digits++) value = value * 10 + (c - '0');
    return digits > 0 && (c == ' ' || (c >= '\t' && c <= '\r')) ? value : -1;
}

void image_read_ppm(struct image *image, const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) fail(ERROR_FRAME_UNREADABLE, path, "the frame cannot be opened: %s", strerror(errno));
    if (getc(file) != 'P' || getc(file) != '6') fail(ERROR_FRAME_UNREADABLE, path, "not a binary PPM (P6)");
    long width = header_number(file);
    long height = header_number(file);
    long maxval = header_number(file);
    if (width < 1 || height < 1 || maxval != 255) {
        fail(ERROR_FRAME_UNREADABLE, path, "not a PPM header with a size and maxval 255");
    }
    if (width > IMAGE_MAX_SIDE || height > IMAGE_MAX_SIDE || width * height > IMAGE_MAX_PIXELS) {
        fail(ERROR_FRAME_UNREADABLE, path, "%ldx%ld is more than %d a side or %d pixels", width, height, IMAGE_MAX_SIDE,
             IMAGE_MAX_PIXELS);
    }
    image_reserve(image, (size_t)width, (size_t)height);
    size_t size = image->width * image->height * 3;
    size_t got = fread(image->pixels, 1, size, file);
    if (ferror(file)) fail(ERROR_FRAME_UNREADABLE, path, "the frame cannot be read: %s", strerror(errno));
    if (got < size) fail(ERROR_FRAME_UNREADABLE, path, "cut off: %zu of %zu bytes of pixels", got, size);
    if (getc(file) != EOF) fail(ERROR_FRAME_UNREADABLE, path, "bytes follow the %ldx%ld pixels", width, height);
    fclose(file);
}
