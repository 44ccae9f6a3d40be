// The discrete Fourier transform of a power of two of values, in double precision (radix 2, in place).
#ifndef EXRAY_FFT_H
#define EXRAY_FFT_H

#include <stddef.h>

struct fft {
    size_t n;
    double *cosines, *sines;  // of -2 pi k / n, k < n / 2
};

// `n` is a power of two, at least 2.
void fft_open(struct fft *fft, size_t n);
// real + i imaginary, n values each, becomes sum_j x[j] exp(-2 pi i j k / n).
void fft_run(const struct fft *fft, double *real, double *imaginary);
void fft_free(struct fft *fft);

#endif
