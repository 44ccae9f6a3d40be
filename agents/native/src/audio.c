#include "audio.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"

const char *const AUDIO_CHANNELS[] = {"mean", "left", "right", NULL};

static void reserve(double **values, size_t *size, size_t needed) {
    if (needed <= *size) return;
    free(*values);
    *size = 0;
    *values = malloc(needed * sizeof(double));
    if (!*values) fail_memory("a clip");
    *size = needed;
}

static void mix(const struct clip *clip, enum audio_channel channel, double *out, size_t n) {
    if (n == 0) return;  // samples may be NULL then
    unsigned channels = clip->channels;
    const int16_t *at = clip->samples + (channel == AUDIO_RIGHT && channels > 1 ? 1 : 0);
    for (size_t i = 0; i < n; i++, at += channels) {
        int32_t sum = 0;  // of at most 64 times 16 bits
        for (unsigned c = 0; channel == AUDIO_MEAN && c < channels; c++) sum += at[c];
        out[i] = channel == AUDIO_MEAN ? (double)sum / channels : (double)at[0];
    }
}

uint64_t audio_needs(const struct audio *how, size_t size) {
    if (how->features.kind == FEATURES_WAVEFORM) return size;
    size_t values = features_values(&how->features);
    if (size == 0 || size % values) return 0;
    return (uint64_t)(size / values - 1) * how->features.frame_step + how->features.frame_length;
}

// The samples that the input needs, in the model's rate: `count` of them in p->line.
static void hear(struct audio_processor *p, const struct audio *how, const struct clip *clip, size_t count) {
    resampler_set(&p->resampler, clip->rate, how->sample_rate);
    uint64_t made = resampler_length(&p->resampler, clip->length);
    if (made > count) made = count;
    uint64_t used = clip->rate == how->sample_rate ? made : resampler_needs(&p->resampler, (size_t)made);
    if (used > clip->length) used = clip->length;
    reserve(&p->mono, &p->mono_size, used ? (size_t)used : 1);
    reserve(&p->line, &p->line_size, count);
    mix(clip, how->channel, p->mono, (size_t)used);
    if (clip->rate == how->sample_rate) {
        made = used;
        memcpy(p->line, p->mono, (size_t)made * sizeof(double));
    } else {
        resample(&p->resampler, p->mono, (size_t)used, p->line, (size_t)made);
    }
    for (size_t i = (size_t)made; i < count; i++) p->line[i] = 0;
    if (how->int16) return;
    for (size_t i = 0; i < made; i++) p->line[i] /= 32768;
}

void audio_process(struct audio_processor *p, const struct audio *how, const struct clip *clip, size_t size,
                   const struct quantization *q, void *out) {
    size_t needed = (size_t)audio_needs(how, size);
    hear(p, how, clip, needed);
    if (how->features.kind == FEATURES_WAVEFORM) {
        for (size_t i = 0; i < size; i++) quantize_to(q, (float)((p->line[i] - how->mean) / how->std), out, i);
        return;
    }
    if (!p->extractor.values) extractor_open(&p->extractor, &how->features, how->sample_rate);
    size_t values = p->extractor.values;
    for (size_t frame = 0; frame < size / values; frame++) {
        const double *found = extract(&p->extractor, p->line + frame * how->features.frame_step);
        for (size_t i = 0; i < values; i++) {
            quantize_to(q, (float)((found[i] - how->mean) / how->std), out, frame * values + i);
        }
    }
}

void audio_processor_free(struct audio_processor *p) {
    resampler_free(&p->resampler);
    extractor_free(&p->extractor);
    free(p->mono);
    free(p->line);
    *p = (struct audio_processor){0};
}
