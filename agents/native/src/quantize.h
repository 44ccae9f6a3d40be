// From a real number to an element of a model input.
#ifndef EXRAY_QUANTIZE_H
#define EXRAY_QUANTIZE_H

#include <stddef.h>
#include <stdint.h>

// The element types that pictures (but for int16) and sounds can be fed as.
enum quantize_type { QUANTIZE_FLOAT32, QUANTIZE_UINT8, QUANTIZE_INT8, QUANTIZE_INT16 };

struct quantization {
    enum quantize_type type;
    float scale;  // 1 and 0 for an integer input without parameters; not used for float
    int64_t zero_point;
};

// clamp(round(x / scale) + zero_point), halves away from zero; in float, as LiteRT's own QUANTIZE. For integer types.
int quantize(const struct quantization *q, float x);
// Makes `x` element `i` of `out`, which holds elements of q->type.
void quantize_to(const struct quantization *q, float x, void *out, size_t i);
// Bytes of an element.
size_t quantize_size(enum quantize_type type);

#endif
