// What happens to a decoded RGB frame before the model sees it: rotate, crop, resize and pad, channels, normalize,
// quantize, in this order.
#ifndef EXRAY_PREPROCESS_H
#define EXRAY_PREPROCESS_H

#include <stdbool.h>

#include "image.h"
#include "quantize.h"
#include "resize.h"

struct preprocess {
    unsigned rotate;  // degrees counter-clockwise: 0, 90, 180, 270
    double crop;      // centre fraction of each side, (0, 1]
    enum resize_method resize;
    bool letterbox;  // keeps the aspect, and fills the rest; else the picture is stretched
    uint8_t pad;     // of all three channels
    bool bgr;
    double mean[3];  // per channel as fed to the model, in pixel units
    double std[3];   // not 0
};

// Memory that stays between frames. Start from zeros.
struct preprocessor {
    struct image rotated, resized, boxed;
    struct resizer resizer;
};

// Fills `out`, height x width x 3 elements of q->type.
void preprocess(struct preprocessor *p, const struct preprocess *how, const struct image *frame, size_t width,
                size_t height, const struct quantization *q, void *out);
void preprocessor_free(struct preprocessor *p);

#endif
