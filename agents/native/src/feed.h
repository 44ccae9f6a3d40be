// Puts frames into the model's input buffers.
#ifndef EXRAY_FEED_H
#define EXRAY_FEED_H

#include "frames.h"
#include "preprocess.h"
#include "session.h"

// The file that slices were last read from, kept open: a frame of hundreds of inputs stands in one.
struct slices {
    const char *path;  // NULL: none
    int fd;
    uint64_t size;
};

struct feed {
    struct session *session;
    const struct frames *frames;
    const struct preprocess *how;
    struct slices slices;
    struct image *images;  // one an input, decoded
    struct preprocessor *preprocessors;
    struct quantization *quantizations;
};

// Fails with input-shape when a frame's image is meant for an input that takes none.
void feed_open(struct feed *feed, struct session *session, const struct frames *frames, const struct preprocess *how);
// Reads a frame's files: decodes its images, copies its tensors into their buffers. Not to be timed.
void feed_read(struct feed *feed, const struct frame_input *inputs);
// Pre-processes the decoded images into their buffers.
void feed_images(struct feed *feed, const struct frame_input *inputs);
void feed_close(struct feed *feed);

#endif
