// Log-mel spectra and mel-frequency cepstral coefficients of frames of samples, as tf.signal computes them
// (docs/recipes.md).
#ifndef EXRAY_SPECTRUM_H
#define EXRAY_SPECTRUM_H

#include <stdbool.h>

#include "fft.h"

enum features_kind { FEATURES_WAVEFORM, FEATURES_LOG_MEL, FEATURES_MFCC };
enum features_window { WINDOW_HANN, WINDOW_HAMMING, WINDOW_RECTANGULAR };
enum features_log { LOG_E, LOG_10, LOG_DB };
extern const char *const FEATURES_KINDS[], *const FEATURES_WINDOWS[], *const FEATURES_LOGS[];

enum { FEATURES_MAX_FRAME = 1 << 16, FEATURES_MAX_FFT = 1 << 17, FEATURES_MAX_BINS = 1024 };

struct features {
    enum features_kind kind;
    enum features_window window;
    unsigned frame_length, frame_step;  // samples
    unsigned fft_length;                // a power of two, at least frame_length
    bool power;
    unsigned mel_bins;
    double low_hz, high_hz;
    enum features_log log;
    double log_floor;
    unsigned coefficients;  // of an MFCC
};

// Tables and memory for one description. Start from zeros.
struct extractor {
    const struct features *how;
    struct fft fft;
    double *window;          // frame_length
    double *real, *imaginary;  // fft_length
    size_t *edges;           // of the fft_length / 2 + 1 bins: the mel edge below; mel_bins + 1: outside
    double *rises;           // how far it is on the way to the next, 0 to 1
    double *mel, *cosines, *cepstrum;
    size_t values;  // a frame
};

// Values of one frame. Not of a waveform.
size_t features_values(const struct features *how);
void extractor_open(struct extractor *extractor, const struct features *how, double sample_rate);
// The values of the frame_length samples at `samples`, valid until the next call.
const double *extract(struct extractor *extractor, const double *samples);
void extractor_free(struct extractor *extractor);

#endif
