// Puts frames into the model's input buffers.
#ifndef EXRAY_FEED_H
#define EXRAY_FEED_H

#include "frames.h"
#include "recipe.h"
#include "session.h"

// The file that slices were last read from, kept open: a frame of hundreds of inputs stands in one.
struct slices {
    const char *path;  // NULL: none
    int fd;
    uint64_t size;
};

// What one input of the model is fed from, decoded, and the memory for it.
struct source {
    struct quantization quantization;
    struct image image;
    struct preprocessor preprocessor;
    struct clip clip;
    struct audio_processor audio;
    struct bytes text;
};

struct feed {
    struct session *session;
    const struct frames *frames;
    const struct recipe *recipe;
    struct slices slices;
    struct source *sources;  // one an input
    struct tokenizer tokenizer;
};

// Whether frames are pre-processed at all.
bool feed_prepares(const struct frames *frames);
// Fails with input-shape when an input cannot take what a frame has for it, with vocabulary-invalid, with bad-usage
// where texts lack their vocabulary.
void feed_open(struct feed *feed, struct session *session, const struct frames *frames, const struct recipe *recipe);
// Reads a frame's files: decodes images and clips, copies tensors into their buffers. Not to be timed.
void feed_read(struct feed *feed, const struct frame_input *inputs);
// Pre-processes what was decoded into the buffers.
void feed_prepare(struct feed *feed, const struct frame_input *inputs);
void feed_close(struct feed *feed);

#endif
