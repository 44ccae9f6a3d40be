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
#include "file.h"

_Noreturn static void refuse(const struct tensor *tensor, const char *takes) {
    char text[128];
    tensor_shape_text(tensor, text, sizeof text);
    fail(ERROR_INPUT_SHAPE, tensor->name, "input %u has the shape %s and LiteRT type %" PRId32 ": %s",
         tensor->position, text, tensor->type, takes);
}

// The number of values. Fails with input-shape where the runtime's buffer is not as large as they are.
static size_t count(const struct tensor *tensor, size_t element) {
    uint64_t n = 1;
    for (uint32_t i = 0; i < tensor->rank; i++) {
        n *= (uint64_t)tensor->shape[i];
        if (tensor->shape[i] <= 0 || n > SIZE_MAX / 16) refuse(tensor, "no shape of an input");
    }
    if (tensor->size != n * element) {
        fail(ERROR_INPUT_SHAPE, tensor->name, "input %u takes %zu bytes, not what its shape says", tensor->position,
             tensor->size);
    }
    return (size_t)n;
}

// Into an element type that pictures or sounds are fed as. False: it is none.
static bool quantization_of(const struct tensor *tensor, struct quantization *q) {
    *q = (struct quantization){
        .type = QUANTIZE_FLOAT32,
        .scale = tensor->quantized ? tensor->quantization.scale : 1,
        .zero_point = tensor->quantized ? tensor->quantization.zero_point : 0,
    };
    switch (tensor->type) {
        case LITERT_FLOAT32: return true;
        case LITERT_UINT8: q->type = QUANTIZE_UINT8; return true;
        case LITERT_INT8: q->type = QUANTIZE_INT8; return true;
        case LITERT_INT16: q->type = QUANTIZE_INT16; return true;
        default: return false;
    }
}

static void check_image(const struct tensor *tensor, struct quantization *q) {
    const int32_t *shape = tensor->shape;
    bool fits = tensor->rank == 4 && shape[0] == 1 && shape[1] > 0 && shape[2] > 0 && shape[3] == 3 &&
                shape[1] <= IMAGE_MAX_SIDE && shape[2] <= IMAGE_MAX_SIDE &&
                (size_t)shape[1] * (size_t)shape[2] <= IMAGE_MAX_PIXELS;
    if (!quantization_of(tensor, q) || q->type == QUANTIZE_INT16 || !fits) {
        refuse(tensor, "an image can be fed only to [1, height, width, 3] of float32, uint8 or int8");
    }
    count(tensor, quantize_size(q->type));
}

// The dimensions larger than 1 are frames and their values, or one that holds both.
static bool is_frames(const struct tensor *tensor, size_t values) {
    size_t wide = 0, last = 0;
    for (uint32_t i = 0; i < tensor->rank; i++) {
        if (tensor->shape[i] == 1) continue;
        wide++;
        last = (size_t)tensor->shape[i];
    }
    return wide < 2 || (wide == 2 && last == values);
}

static void check_clip(const struct tensor *tensor, const struct audio *how, struct quantization *q) {
    if (!quantization_of(tensor, q)) refuse(tensor, "sound can be fed only to float32, uint8, int8 or int16");
    size_t size = count(tensor, quantize_size(q->type));
    uint64_t needed = audio_needs(how, size);
    bool waveform = how->features.kind == FEATURES_WAVEFORM;
    size_t values = waveform ? 1 : features_values(&how->features);
    if (needed == 0 || (!waveform && !is_frames(tensor, values))) {
        char takes[128];
        snprintf(takes, sizeof takes, "the recipe gives frames of %zu values", values);
        refuse(tensor, takes);
    }
    if (needed > AUDIO_MAX_SAMPLES) {
        fail(ERROR_INPUT_SHAPE, tensor->name, "input %u needs %" PRIu64 " samples; the limit is %d", tensor->position,
             needed, AUDIO_MAX_SAMPLES);
    }
}

// `first` is the size of the texts' first input, 0: this is it.
static size_t check_text(const struct tensor *tensor, const struct tokenize *how, size_t first) {
    bool wide = tensor->type == LITERT_INT64;
    if (!wide && tensor->type != LITERT_INT32) refuse(tensor, "text can be fed only to int32 or int64");
    size_t size = count(tensor, wide ? sizeof(int64_t) : sizeof(int32_t));
    if (first && size != first) refuse(tensor, "the inputs of a text must have as many values as each other");
    if (size < (size_t)how->has_start + how->has_end) refuse(tensor, "too few values for --start-id and --end-id");
    return size;
}

static void check_texts(const struct feed *feed) {
    const struct tokenize *how = &feed->recipe->text;
    if (!how->vocabulary) fail(ERROR_BAD_USAGE, "--vocabulary", "the option is missing, and frames are texts");
    if (how->role_count != feed->frames->per_frame) {
        fail(ERROR_INPUT_SHAPE, "--text-inputs", "%zu named, the model has %zu", how->role_count,
             feed->frames->per_frame);
    }
}

bool feed_prepares(const struct frames *frames) {
    return frames->has[FRAME_RGB] || frames->has[FRAME_PCM] || frames->has[FRAME_TEXT];
}

void feed_open(struct feed *feed, struct session *session, const struct frames *frames, const struct recipe *recipe) {
    size_t n = frames->per_frame, text_size = 0;
    *feed = (struct feed){.session = session, .frames = frames, .recipe = recipe};
    feed->sources = calloc(n, sizeof *feed->sources);
    if (!feed->sources) fail_memory("the inputs");
    if (frames->has[FRAME_TEXT]) check_texts(feed);
    for (size_t i = 0; i < frames->count * n; i++) {
        const struct frame_input *input = &frames->inputs[i];
        const struct tensor *tensor = &session->inputs[input->input];
        struct quantization *q = &feed->sources[input->input].quantization;
        if (input->kind == FRAME_RGB) check_image(tensor, q);
        if (input->kind == FRAME_PCM) check_clip(tensor, &recipe->audio, q);
        if (input->kind == FRAME_TEXT) text_size = check_text(tensor, &recipe->text, text_size);
    }
    if (frames->has[FRAME_TEXT]) vocabulary_read(&feed->tokenizer.vocabulary, recipe->text.vocabulary);
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
        struct source *source = &feed->sources[i];
        switch (inputs[i].kind) {
            case FRAME_RGB: image_read_ppm(&source->image, inputs[i].path); break;
            case FRAME_PCM: clip_read_wav(&source->clip, inputs[i].path); break;
            case FRAME_TEXT:
                file_read(&source->text, inputs[i].path, TEXT_MAX_BYTES, ERROR_FRAME_UNREADABLE, "the frame");
                break;
            case FRAME_SLICE: read_slice(feed, &inputs[i]); break;
            case FRAME_TENSOR:
            case FRAME_KINDS: read_tensor(feed->session, &inputs[i]); break;
        }
    }
}

// Inputs of one text stand side by side: it is tokenized once.
static void prepare_text(struct feed *feed, const struct frame_input *inputs, size_t i, void *out) {
    const struct tokenize *how = &feed->recipe->text;
    const struct tensor *tensor = &feed->session->inputs[i];
    bool same = i > 0 && inputs[i - 1].kind == FRAME_TEXT && strcmp(inputs[i - 1].path, inputs[i].path) == 0;
    if (!same) tokenize(&feed->tokenizer, how, &feed->sources[i].text);
    bool wide = tensor->type == LITERT_INT64;
    size_t size = tensor->size / (wide ? sizeof(int64_t) : sizeof(int32_t));
    tokens_put(&feed->tokenizer, how, how->roles[i], size, wide, out);
}

void feed_prepare(struct feed *feed, const struct frame_input *inputs) {
    struct session *session = feed->session;
    for (size_t i = 0; i < feed->frames->per_frame; i++) {
        if (inputs[i].kind == FRAME_TENSOR || inputs[i].kind == FRAME_SLICE) continue;
        struct source *source = &feed->sources[i];
        const struct tensor *tensor = &session->inputs[i];
        const struct quantization *q = &source->quantization;
        void *out = session_lock(session, session->input_buffers[i], true);
        if (inputs[i].kind == FRAME_RGB) {
            preprocess(&source->preprocessor, &feed->recipe->image, &source->image, (size_t)tensor->shape[2],
                       (size_t)tensor->shape[1], q, out);
        } else if (inputs[i].kind == FRAME_PCM) {
            audio_process(&source->audio, &feed->recipe->audio, &source->clip, tensor->size / quantize_size(q->type),
                          q, out);
        } else {
            prepare_text(feed, inputs, i, out);
        }
        session_unlock(session, session->input_buffers[i]);
    }
}

void feed_close(struct feed *feed) {
    slices_close(&feed->slices);
    for (size_t i = 0; i < feed->frames->per_frame; i++) {
        struct source *source = &feed->sources[i];
        image_free(&source->image);
        preprocessor_free(&source->preprocessor);
        clip_free(&source->clip);
        audio_processor_free(&source->audio);
        bytes_free(&source->text);
    }
    free(feed->sources);
    tokenizer_free(&feed->tokenizer);
}
