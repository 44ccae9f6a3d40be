#include "preprocess.h"

#include <math.h>
#include <string.h>

// Counter-clockwise, as numpy.rot90.
static void rotate(const struct image *in, unsigned degrees, struct image *out) {
    bool turned = degrees != 180;
    image_reserve(out, turned ? in->height : in->width, turned ? in->width : in->height);
    for (size_t y = 0; y < out->height; y++) {
        for (size_t x = 0; x < out->width; x++) {
            size_t from_x = degrees == 90 ? in->width - 1 - y : degrees == 180 ? in->width - 1 - x : y;
            size_t from_y = degrees == 90 ? x : degrees == 180 ? in->height - 1 - y : in->height - 1 - x;
            memcpy(out->pixels + (y * out->width + x) * 3, in->pixels + (from_y * in->width + from_x) * 3, 3);
        }
    }
}

static size_t kept(size_t side, double crop) {
    double size = floor((double)side * crop + 0.5);
    return size < 1 ? 1 : size > (double)side ? side : (size_t)size;
}

static struct region center(const struct image *image, double crop) {
    size_t width = kept(image->width, crop), height = kept(image->height, crop);
    return (struct region){(image->width - width) / 2, (image->height - height) / 2, width, height};
}

static size_t scaled(size_t side, double scale, size_t limit) {
    double size = floor((double)side * scale + 0.5);
    return size < 1 ? 1 : size > (double)limit ? limit : (size_t)size;
}

// As large as fits with its aspect, in the middle. The result is in p->boxed.
static void letterbox(struct preprocessor *p, const struct preprocess *how, const struct image *source,
                      struct region region, size_t width, size_t height) {
    double across = (double)width / (double)region.width, down = (double)height / (double)region.height;
    double scale = down < across ? down : across;
    image_reserve(&p->resized, scaled(region.width, scale, width), scaled(region.height, scale, height));
    resize(&p->resizer, how->resize, source, region, &p->resized);
    image_reserve(&p->boxed, width, height);
    memset(p->boxed.pixels, how->pad, width * height * 3);
    size_t left = (width - p->resized.width) / 2, top = (height - p->resized.height) / 2, row = p->resized.width * 3;
    for (size_t y = 0; y < p->resized.height; y++) {
        memcpy(p->boxed.pixels + ((top + y) * width + left) * 3, p->resized.pixels + y * row, row);
    }
}

void preprocess(struct preprocessor *p, const struct preprocess *how, const struct image *frame, size_t width,
                size_t height, const struct quantization *q, void *out) {
    const struct image *source = frame;
    if (how->rotate) {
        rotate(frame, how->rotate, &p->rotated);
        source = &p->rotated;
    }
    struct region region = center(source, how->crop);
    if (how->letterbox) {
        letterbox(p, how, source, region, width, height);
    } else {
        image_reserve(&p->resized, width, height);
        resize(&p->resizer, how->resize, source, region, &p->resized);
    }

    // A pixel has 256 values: each is normalized once a channel, and looked up from then on.
    float real[3][256];
    uint8_t integer[3][256];
    for (int channel = 0; channel < 3; channel++) {
        for (int value = 0; value < 256; value++) {
            float x = (float)((value - how->mean[channel]) / how->std[channel]);
            real[channel][value] = x;
            integer[channel][value] = q->type == QUANTIZE_FLOAT32 ? 0 : (uint8_t)quantize(q, x);
        }
    }
    const uint8_t *pixels = how->letterbox ? p->boxed.pixels : p->resized.pixels;
    size_t order[3] = {how->bgr ? 2 : 0, 1, how->bgr ? 0 : 2};
    for (size_t i = 0; i < width * height * 3; i += 3) {
        for (size_t channel = 0; channel < 3; channel++) {
            uint8_t value = pixels[i + order[channel]];
            if (q->type == QUANTIZE_FLOAT32) {
                ((float *)out)[i + channel] = real[channel][value];
            } else {
                ((uint8_t *)out)[i + channel] = integer[channel][value];
            }
        }
    }
}

void preprocessor_free(struct preprocessor *p) {
    image_free(&p->rotated);
    image_free(&p->resized);
    image_free(&p->boxed);
    resizer_free(&p->resizer);
}
