#include "feed.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

static void *allocate(size_t n, size_t size) {
    void *memory = calloc(n, size);
    if (!memory) fail_memory("the inputs");
    return memory;
}

// What images are turned into for `tensor`, or fails with input-shape.
static struct quantization image_quantization(const struct tensor *tensor) {
    bool known = tensor->type == LITERT_FLOAT32 || tensor->type == LITERT_UINT8 || tensor->type == LITERT_INT8;
    const int32_t *shape = tensor->shape;
    bool fits = tensor->rank == 4 && shape[0] == 1 && shape[1] > 0 && shape[2] > 0 && shape[3] == 3 &&
                shape[1] <= IMAGE_MAX_SIDE && shape[2] <= IMAGE_MAX_SIDE &&
                (size_t)shape[1] * (size_t)shape[2] <= IMAGE_MAX_PIXELS;
    if (!known || !fits) {
        char text[128];
        tensor_shape_text(tensor, text, sizeof text);
        fail(ERROR_INPUT_SHAPE, tensor->name,
             "input %u has the shape %s%s: an image can be fed only to [1, height, width, 3] of float32, uint8 or int8",
             tensor->position, text, known ? "" : " and another type");
    }
    enum quantize_type integer = tensor->type == LITERT_INT8 ? QUANTIZE_INT8 : QUANTIZE_UINT8;
    struct quantization q = {
        .type = tensor->type == LITERT_FLOAT32 ? QUANTIZE_FLOAT32 : integer,
        .scale = tensor->quantized ? tensor->quantization.scale : 1,
        .zero_point = tensor->quantized ? tensor->quantization.zero_point : 0,
    };
    size_t element = q.type == QUANTIZE_FLOAT32 ? sizeof(float) : 1;
    if (tensor->size != (size_t)shape[1] * (size_t)shape[2] * 3 * element) {
        fail(ERROR_INPUT_SHAPE, tensor->name, "input %u takes %zu bytes, not what its shape says", tensor->position,
             tensor->size);
    }
    return q;
}

void feed_open(struct feed *feed, struct session *session, const struct frames *frames, const struct preprocess *how) {
    size_t n = frames->per_frame;
    *feed = (struct feed){
        .session = session,
        .frames = frames,
        .how = how,
        .images = allocate(n, sizeof *feed->images),
        .preprocessors = allocate(n, sizeof *feed->preprocessors),
        .quantizations = allocate(n, sizeof *feed->quantizations),
    };
    for (size_t i = 0; i < frames->count * n; i++) {
        const struct frame_input *input = &frames->inputs[i];
        if (input->kind != FRAME_RGB) continue;
        feed->quantizations[input->input] = image_quantization(&session->inputs[input->input]);
    }
}

static void read_tensor(struct session *session, const struct frame_input *input) {
    size_t size = session->inputs[input->input].size;
    FILE *file = fopen(input->path, "rb");
    if (!file) fail(ERROR_FRAME_UNREADABLE, input->path, "the frame cannot be opened: %s", strerror(errno));
    LiteRtTensorBuffer buffer = session->input_buffers[input->input];
    void *memory = session_lock(session, buffer, true);
    size_t got = fread(memory, 1, size, file);
    session_unlock(session, buffer);
    if (ferror(file)) fail(ERROR_FRAME_UNREADABLE, input->path, "the frame cannot be read: %s", strerror(errno));
    if (got < size || getc(file) != EOF) {
        fail(ERROR_FRAME_UNREADABLE, input->path, "the tensor has %s than the %zu bytes of input %u",
             got < size ? "fewer" : "more", size, input->input);
    }
    fclose(file);
}

static void slices_close(struct slices *slices) {
    if (slices->path) close(slices->fd);
    slices->path = NULL;
}

static void slices_open(struct slices *slices, const char *path) {
    if (slices->path && strcmp(slices->path, path) == 0) return;
    slices_close(slices);
    struct stat info;
    slices->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (slices->fd < 0 || fstat(slices->fd, &info) != 0) {
        fail(ERROR_FRAME_UNREADABLE, path, "the frame cannot be opened: %s", strerror(errno));
    }
    if (!S_ISREG(info.st_mode)) fail(ERROR_FRAME_UNREADABLE, path, "not a file");
    slices->path = path;
    slices->size = (uint64_t)info.st_size;
}

// Straight from the file into the runtime's buffer.
static void read_slice(struct feed *feed, const struct frame_input *input) {
    struct session *session = feed->session;
    struct slices *slices = &feed->slices;
    size_t size = session->inputs[input->input].size;
    slices_open(slices, input->path);
    if (input->offset > slices->size || size > slices->size - input->offset) {
        fail(ERROR_FRAME_UNREADABLE, input->path,
             "the %zu bytes of input %u from %" PRIu64 " on lead out of the file's %" PRIu64, size, input->input,
             input->offset, slices->size);
    }
    LiteRtTensorBuffer buffer = session->input_buffers[input->input];
    uint8_t *memory = session_lock(session, buffer, true);
    for (size_t got = 0; got < size;) {
        ssize_t n = pread(slices->fd, memory + got, size - got, (off_t)(input->offset + got));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail(ERROR_FRAME_UNREADABLE, input->path, "the frame cannot be read: %s", strerror(errno));
        if (n == 0) fail(ERROR_FRAME_UNREADABLE, input->path, "the file shrank while it was read");
        got += (size_t)n;
    }
    session_unlock(session, buffer);
}

void feed_read(struct feed *feed, const struct frame_input *inputs) {
    for (size_t i = 0; i < feed->frames->per_frame; i++) {
        if (inputs[i].kind == FRAME_RGB) {
            image_read_ppm(&feed->images[i], inputs[i].path);
        } else if (inputs[i].kind == FRAME_SLICE) {
            read_slice(feed, &inputs[i]);
        } else {
            read_tensor(feed->session, &inputs[i]);
        }
    }
}

void feed_images(struct feed *feed, const struct frame_input *inputs) {
    struct session *session = feed->session;
    for (size_t i = 0; i < feed->frames->per_frame; i++) {
        if (inputs[i].kind != FRAME_RGB) continue;
        const int32_t *shape = session->inputs[i].shape;
        void *memory = session_lock(session, session->input_buffers[i], true);
        preprocess(&feed->preprocessors[i], feed->how, &feed->images[i], (size_t)shape[2], (size_t)shape[1],
                   &feed->quantizations[i], memory);
        session_unlock(session, session->input_buffers[i]);
    }
}

void feed_close(struct feed *feed) {
    slices_close(&feed->slices);
    for (size_t i = 0; i < feed->frames->per_frame; i++) {
        image_free(&feed->images[i]);
        preprocessor_free(&feed->preprocessors[i]);
    }
    free(feed->images);
    free(feed->preprocessors);
    free(feed->quantizations);
}
