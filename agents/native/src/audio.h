// What happens to a clip before the model hears it: channel, resample, fit to length, scale, features, normalize,
// quantize, in this order (docs/recipes.md).
#ifndef EXRAY_AUDIO_H
#define EXRAY_AUDIO_H

#include <stdbool.h>

#include "clip.h"
#include "spectrum.h"
#include "quantize.h"
#include "resample.h"

enum audio_channel { AUDIO_MEAN, AUDIO_LEFT, AUDIO_RIGHT };
extern const char *const AUDIO_CHANNELS[];

enum { AUDIO_MAX_SAMPLES = 1 << 26 };  // that one input may need

struct audio {
    unsigned sample_rate;  // Hz
    enum audio_channel channel;
    bool int16;  // samples as they are; else divided by 32768
    struct features features;
    double mean, std;  // std not 0
};

// Memory that stays between frames. Start from zeros.
struct audio_processor {
    struct resampler resampler;
    struct extractor extractor;
    double *mono;  // of the clip
    size_t mono_size;
    double *line;  // the samples the input needs
    size_t line_size;
};

// Samples that an input of `size` values needs, 0 when `size` is no whole number of frames.
uint64_t audio_needs(const struct audio *how, size_t size);
// Fills `out`, `size` elements of q->type. audio_needs(how, size) is from 1 to AUDIO_MAX_SAMPLES.
void audio_process(struct audio_processor *processor, const struct audio *how, const struct clip *clip, size_t size,
                   const struct quantization *q, void *out);
void audio_processor_free(struct audio_processor *processor);

#endif
