// From a real number to an element of an integer model input.
#ifndef EXRAY_QUANTIZE_H
#define EXRAY_QUANTIZE_H

#include <stdint.h>

// The element types an image can be fed as.
enum quantize_type { QUANTIZE_FLOAT32, QUANTIZE_UINT8, QUANTIZE_INT8 };

struct quantization {
    enum quantize_type type;
    float scale;  // 1 and 0 for an integer input without parameters; not used for float
    int64_t zero_point;
};

// clamp(round(x / scale) + zero_point), halves away from zero; in float, as LiteRT's own QUANTIZE. For integer types.
int quantize(const struct quantization *q, float x);

#endif
