#include "spectrum.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

const char *const FEATURES_KINDS[] = {"waveform", "log-mel", "mfcc", NULL};
const char *const FEATURES_WINDOWS[] = {"hann", "hamming", "rectangular", NULL};
const char *const FEATURES_LOGS[] = {"e", "10", "db", NULL};

static const double PI = 3.14159265358979323846;

static void *table(size_t n, size_t size) {
    void *memory = malloc(n * size);
    if (!memory) fail_memory("the features");
    return memory;
}

static double mel_of(double hz) { return 1127 * log(1 + hz / 700); }

static void fill_window(double *out, const struct features *how) {
    static const double RAISED[][2] = {{0.5, 0.5}, {0.54, 0.46}, {1, 0}};
    for (unsigned i = 0; i < how->frame_length; i++) {
        out[i] = RAISED[how->window][0] - RAISED[how->window][1] * cos(2 * PI * i / how->frame_length);
    }
}

// Triangle m rises from edge m to edge m + 1 and falls to edge m + 2; so a bin between edges e and e + 1 is on the way
// up in triangle e and on the way down in triangle e - 1.
static void fill_mel(struct extractor *x, double sample_rate) {
    const struct features *how = x->how;
    double low = mel_of(how->low_hz), step = (mel_of(how->high_hz) - low) / (how->mel_bins + 1);
    size_t outside = how->mel_bins + 1;
    for (size_t k = 0; k <= how->fft_length / 2; k++) {
        double at = (mel_of((double)k * sample_rate / how->fft_length) - low) / step;
        bool in = k > 0 && at >= 0 && at < (double)outside;
        x->edges[k] = in ? (size_t)at : outside;
        x->rises[k] = in ? at - floor(at) : 0;
    }
}

// The DCT-II of tf.signal.mfccs_from_log_mel_spectrograms.
static void fill_cosines(double *out, const struct features *how) {
    double scale = sqrt(2.0 / how->mel_bins);
    for (size_t k = 0; k < how->coefficients; k++) {
        for (size_t m = 0; m < how->mel_bins; m++) {
            *out++ = scale * cos(PI * (double)k * ((double)m + 0.5) / how->mel_bins);
        }
    }
}

size_t features_values(const struct features *how) {
    return how->kind == FEATURES_MFCC ? how->coefficients : how->mel_bins;
}

void extractor_open(struct extractor *x, const struct features *how, double sample_rate) {
    size_t bins = how->fft_length / 2 + 1;
    *x = (struct extractor){
        .how = how,
        .window = table(how->frame_length, sizeof(double)),
        .real = table(how->fft_length, sizeof(double)),
        .imaginary = table(how->fft_length, sizeof(double)),
        .edges = table(bins, sizeof(size_t)),
        .rises = table(bins, sizeof(double)),
        .mel = table(how->mel_bins, sizeof(double)),
        .values = features_values(how),
    };
    fft_open(&x->fft, how->fft_length);
    fill_window(x->window, how);
    fill_mel(x, sample_rate);
    if (how->kind == FEATURES_MFCC) {
        x->cosines = table((size_t)how->coefficients * how->mel_bins, sizeof(double));
        x->cepstrum = table(how->coefficients, sizeof(double));
        fill_cosines(x->cosines, how);
    }
}

static double logarithm(const struct features *how, double value) {
    value += how->log_floor;
    return how->log == LOG_E ? log(value) : how->log == LOG_10 ? log10(value) : 10 * log10(value);
}

const double *extract(struct extractor *x, const double *samples) {
    const struct features *how = x->how;
    for (size_t i = 0; i < how->fft_length; i++) {
        x->real[i] = i < how->frame_length ? samples[i] * x->window[i] : 0;
        x->imaginary[i] = 0;
    }
    fft_run(&x->fft, x->real, x->imaginary);
    for (size_t m = 0; m < how->mel_bins; m++) x->mel[m] = 0;
    for (size_t k = 1; k <= how->fft_length / 2; k++) {
        size_t edge = x->edges[k];
        if (edge > how->mel_bins) continue;
        double power = x->real[k] * x->real[k] + x->imaginary[k] * x->imaginary[k];
        double value = how->power ? power : sqrt(power);
        if (edge < how->mel_bins) x->mel[edge] += x->rises[k] * value;
        if (edge > 0) x->mel[edge - 1] += (1 - x->rises[k]) * value;
    }
    for (size_t m = 0; m < how->mel_bins; m++) x->mel[m] = logarithm(how, x->mel[m]);
    if (how->kind == FEATURES_LOG_MEL) return x->mel;
    const double *row = x->cosines;
    for (size_t k = 0; k < how->coefficients; k++, row += how->mel_bins) {
        double sum = 0;
        for (size_t m = 0; m < how->mel_bins; m++) sum += row[m] * x->mel[m];
        x->cepstrum[k] = sum;
    }
    return x->cepstrum;
}

void extractor_free(struct extractor *x) {
    fft_free(&x->fft);
    free(x->window);
    free(x->real);
    free(x->imaginary);
    free(x->edges);
    free(x->rises);
    free(x->mel);
    free(x->cosines);
    free(x->cepstrum);
    *x = (struct extractor){0};
}
