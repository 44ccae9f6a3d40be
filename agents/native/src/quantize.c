#include "quantize.h"

#include <math.h>

int quantize(const struct quantization *q, float x) {
    static const double LOW[] = {0, 0, -128, -32768}, HIGH[] = {0, 255, 127, 32767};  // by type
    double low = LOW[q->type], high = HIGH[q->type];
    double value = (double)roundf(x / q->scale) + (double)q->zero_point;
    // Written so that NaN, too, ends inside.
    return (int)(value > low ? value < high ? value : high : low);
}

void quantize_to(const struct quantization *q, float x, void *out, size_t i) {
    switch (q->type) {
        case QUANTIZE_FLOAT32: ((float *)out)[i] = x; return;
        case QUANTIZE_UINT8: ((uint8_t *)out)[i] = (uint8_t)quantize(q, x); return;
        case QUANTIZE_INT8: ((int8_t *)out)[i] = (int8_t)quantize(q, x); return;
        case QUANTIZE_INT16: ((int16_t *)out)[i] = (int16_t)quantize(q, x); return;
    }
}

size_t quantize_size(enum quantize_type type) {
    return type == QUANTIZE_FLOAT32 ? sizeof(float) : type == QUANTIZE_INT16 ? sizeof(int16_t) : 1;
}
