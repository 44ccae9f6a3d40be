#include "quantize.h"

#include <math.h>

int quantize(const struct quantization *q, float x) {
    double low = q->type == QUANTIZE_INT8 ? -128 : 0;
    double high = q->type == QUANTIZE_INT8 ? 127 : 255;
    double value = (double)roundf(x / q->scale) + (double)q->zero_point;
    // Written so that NaN, too, ends inside.
    return (int)(value > low ? value < high ? value : high : low);
}
