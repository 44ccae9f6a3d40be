// The list of frames: one line a frame and model input, FRAME<TAB>INPUT<TAB>KIND<TAB>PATH<TAB>NAME.
// KIND is rgb (a PPM), pcm (a WAV), text (UTF-8), tensor (a file of the input's packed bytes) or tensor@OFFSET (they
// stand in a file, from that byte on).
#ifndef EXRAY_FRAMES_H
#define EXRAY_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAMES_MAX_BYTES = 1 << 28, FRAMES_MAX_LINE = 8192 };

enum frame_kind { FRAME_RGB, FRAME_PCM, FRAME_TEXT, FRAME_TENSOR, FRAME_SLICE, FRAME_KINDS };

struct frame_input {
    uint32_t frame;  // index among the submitted inputs
    uint32_t input;  // position in the model's signature
    enum frame_kind kind;
    uint64_t offset;  // of a slice, in bytes
    const char *path;
    const char *name;
};

struct frames {
    char *text;
    struct frame_input *inputs;  // `per_frame` consecutive ones a frame, in the order of the model's inputs
    size_t count;                // of frames
    size_t per_frame;
    bool has[FRAME_KINDS];
};

// Reads and checks a list for a model with `per_frame` inputs, or fails with list-invalid naming the line.
void frames_read(struct frames *frames, const char *path, size_t per_frame);
void frames_free(struct frames *frames);

#endif
