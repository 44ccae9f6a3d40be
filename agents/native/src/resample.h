// From one sampling rate to another: a sinc under a raised cosine, as wide as 32 samples of the lower rate.
#ifndef EXRAY_RESAMPLE_H
#define EXRAY_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

// Memory that stays between clips. Start from zeros.
struct resampler {
    uint64_t in, out;  // the rates in lowest terms
    size_t reach;      // samples to either side that may count
    size_t width;      // of a row of weights
    size_t rows;       // one for each position between two samples; 1 where they would be too many to keep
    double *weights;
};

// Makes the weights for two rates, in Hz.
void resampler_set(struct resampler *resampler, unsigned in, unsigned out);
// Samples of the result of a clip of `length`: floor(length * out / in), at least 1.
uint64_t resampler_length(const struct resampler *resampler, size_t length);
// Samples of the clip that the first `count` of the result depend on.
uint64_t resampler_needs(const struct resampler *resampler, size_t count);
// The first `count` samples of the result; zeros stand around the `length` of `x`.
void resample(struct resampler *resampler, const double *x, size_t length, double *y, size_t count);
void resampler_free(struct resampler *resampler);

#endif
