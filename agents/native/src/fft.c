#include "fft.h"

#include <math.h>
#include <stdlib.h>

#include "error.h"

static const double PI = 3.14159265358979323846;

void fft_open(struct fft *fft, size_t n) {
    *fft = (struct fft){.n = n, .cosines = malloc(n / 2 * sizeof(double)), .sines = malloc(n / 2 * sizeof(double))};
    if (!fft->cosines || !fft->sines) fail_memory("the spectrum");
    for (size_t k = 0; k < n / 2; k++) {
        double angle = -2 * PI * (double)k / (double)n;
        fft->cosines[k] = cos(angle);
        fft->sines[k] = sin(angle);
    }
}

static void swap(double *a, double *b) {
    double held = *a;
    *a = *b;
    *b = held;
}

// Each value to the place whose number is its own with the bits in reverse.
static void reorder(size_t n, double *real, double *imaginary) {
    for (size_t i = 1, j = 0; i < n; i++) {
        size_t bit = n >> 1;
        for (; j & bit; bit >>= 1) j ^= bit;
        j ^= bit;
        if (i < j) {
            swap(real + i, real + j);
            swap(imaginary + i, imaginary + j);
        }
    }
}

void fft_run(const struct fft *fft, double *real, double *imaginary) {
    size_t n = fft->n;
    reorder(n, real, imaginary);
    for (size_t size = 2; size <= n; size *= 2) {
        size_t half = size / 2, stride = n / size;
        for (size_t from = 0; from < n; from += size) {
            for (size_t k = 0; k < half; k++) {
                double c = fft->cosines[k * stride], s = fft->sines[k * stride];
                size_t a = from + k, b = a + half;
                double re = real[b] * c - imaginary[b] * s, im = real[b] * s + imaginary[b] * c;
                real[b] = real[a] - re;
                imaginary[b] = imaginary[a] - im;
                real[a] += re;
                imaginary[a] += im;
            }
        }
    }
}

void fft_free(struct fft *fft) {
    free(fft->cosines);
    free(fft->sines);
    *fft = (struct fft){0};
}
