// A clip of sound: 16-bit samples, channels interleaved.
#ifndef EXRAY_CLIP_H
#define EXRAY_CLIP_H

#include <stddef.h>
#include <stdint.h>

enum {
    CLIP_MAX_BYTES = 1 << 26,  // of samples
    CLIP_MAX_CHANNELS = 64,
    CLIP_MIN_RATE = 100,
    CLIP_MAX_RATE = 768000,
};

struct clip {
    int16_t *samples;  // length x channels
    size_t length;
    unsigned channels, rate;  // the rate in Hz
    size_t capacity;          // bytes allocated
};

// Reads a WAV file (RIFF) of 16-bit PCM, or fails with frame-unreadable.
void clip_read_wav(struct clip *clip, const char *path);
void clip_free(struct clip *clip);

#endif
