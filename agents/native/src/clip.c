#include "clip.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

enum { FORMAT_PCM = 1, FORMAT_EXTENSIBLE = 0xFFFE, FORMAT_SIZE = 16, SUBFORMAT_AT = 24, EXTENSIBLE_SIZE = 40 };

static uint32_t u16(const uint8_t *at) { return (uint32_t)at[0] | (uint32_t)at[1] << 8; }
static uint32_t u32(const uint8_t *at) { return u16(at) | u16(at + 2) << 16; }

static void take(FILE *file, const char *path, void *out, size_t size, const char *what) {
    if (fread(out, 1, size, file) == size) return;
    if (ferror(file)) fail(ERROR_FRAME_UNREADABLE, path, "the frame cannot be read: %s", strerror(errno));
    fail(ERROR_FRAME_UNREADABLE, path, "cut off before the end of its %s", what);
}

// The rest of a chunk of `size` bytes, of which `taken` were read. Chunks fill whole 16-bit words.
static void skip(FILE *file, const char *path, uint64_t size, uint64_t taken) {
    if (fseeko(file, (off_t)(size + size % 2 - taken), SEEK_CUR) != 0) {
        fail(ERROR_FRAME_UNREADABLE, path, "the frame cannot be read: %s", strerror(errno));
    }
}

// WAVEFORMAT, or WAVEFORMATEXTENSIBLE whose subformat begins with the format that counts.
static void read_format(struct clip *clip, FILE *file, const char *path, uint32_t size) {
    uint8_t format[EXTENSIBLE_SIZE] = {0};
    uint32_t known = size < sizeof format ? size : (uint32_t)sizeof format;
    if (size < FORMAT_SIZE) fail(ERROR_FRAME_UNREADABLE, path, "a format chunk of %u bytes", size);
    take(file, path, format, known, "format");
    skip(file, path, size, known);
    uint32_t kind = u16(format), bits = u16(format + 14), block = u16(format + 12);
    if (kind == FORMAT_EXTENSIBLE && known == EXTENSIBLE_SIZE) kind = u16(format + SUBFORMAT_AT);
    clip->channels = u16(format + 2);
    clip->rate = u32(format + 4);
    if (kind != FORMAT_PCM || bits != 16) {
        fail(ERROR_FRAME_UNREADABLE, path, "format %u with %u bits a sample, not 16-bit PCM", kind, bits);
    }
    if (clip->channels < 1 || clip->channels > CLIP_MAX_CHANNELS || block != clip->channels * 2) {
        fail(ERROR_FRAME_UNREADABLE, path, "%u channels in blocks of %u bytes; the limit is %d channels",
             clip->channels, block, CLIP_MAX_CHANNELS);
    }
    if (clip->rate < CLIP_MIN_RATE || clip->rate > CLIP_MAX_RATE) {
        fail(ERROR_FRAME_UNREADABLE, path, "%u samples a second, not %d to %d", clip->rate, CLIP_MIN_RATE,
             CLIP_MAX_RATE);
    }
}

static void read_samples(struct clip *clip, FILE *file, const char *path, uint32_t size) {
    if (size > CLIP_MAX_BYTES) {
        fail(ERROR_FRAME_UNREADABLE, path, "%u bytes of samples; the limit is %d", size, CLIP_MAX_BYTES);
    }
    if (size % (clip->channels * 2)) {
        fail(ERROR_FRAME_UNREADABLE, path, "%u bytes are no whole samples of %u channels", size, clip->channels);
    }
    if (size > clip->capacity) {
        free(clip->samples);
        clip->capacity = 0;
        clip->samples = malloc(size);
        if (!clip->samples) fail_memory("a frame");
        clip->capacity = size;
    }
    if (size) take(file, path, clip->samples, size, "samples");
    clip->length = size / (clip->channels * 2);
}

void clip_read_wav(struct clip *clip, const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) fail(ERROR_FRAME_UNREADABLE, path, "the frame cannot be opened: %s", strerror(errno));
    uint8_t head[12];
    take(file, path, head, sizeof head, "RIFF header");
    if (memcmp(head, "RIFF", 4) != 0 || memcmp(head + 8, "WAVE", 4) != 0) {
        fail(ERROR_FRAME_UNREADABLE, path, "not a WAV file (RIFF, WAVE)");
    }
    for (bool known = false;;) {
        uint8_t chunk[8];
        take(file, path, chunk, sizeof chunk, known ? "chunks, of which none holds samples" : "chunks");
        uint32_t size = u32(chunk + 4);
        if (memcmp(chunk, "fmt ", 4) == 0) {
            read_format(clip, file, path, size);
            known = true;
        } else if (memcmp(chunk, "data", 4) == 0) {
            if (!known) fail(ERROR_FRAME_UNREADABLE, path, "samples before their format");
            read_samples(clip, file, path, size);
            break;  // what may follow is no sound
        } else {
            skip(file, path, size, 0);
        }
    }
    fclose(file);
}

void clip_free(struct clip *clip) {
    free(clip->samples);
    *clip = (struct clip){0};
}
