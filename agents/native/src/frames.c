#include "frames.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "error.h"
#include "file.h"
#include "text.h"

static char *read_text(const char *path, size_t *size) {
    struct bytes text = {0};
    file_read(&text, path, FRAMES_MAX_BYTES, ERROR_LIST_INVALID, "the list of frames");
    *size = text.size;
    bytes_u8(&text, 0);
    if (text.failed) fail_memory("the list of frames");
    return (char *)text.data;
}

static bool parse_u32(const char *text, uint32_t *value) {
    uint64_t number;
    if (!text_parse_u64(text, &number) || number > UINT32_MAX) return false;
    *value = (uint32_t)number;
    return true;
}

// Splits one line, in place. NULL, or what is wrong with it.
static const char *parse_line(char *line, struct frame_input *input) {
    char *field[5];
    for (int i = 0; i < 5; i++) {
        field[i] = line;
        char *tab = strchr(line, '\t');
        if ((tab == NULL) != (i == 4)) return "not five fields with tabs between them";
        if (tab) {
            *tab = '\0';
            line = tab + 1;
        }
    }
    if (!parse_u32(field[0], &input->frame)) return "the frame is not a number";
    if (!parse_u32(field[1], &input->input)) return "the input is not a number";
    if (strcmp(field[2], "rgb") == 0) {
        input->kind = FRAME_RGB;
    } else if (strcmp(field[2], "pcm") == 0) {
        input->kind = FRAME_PCM;
    } else if (strcmp(field[2], "text") == 0) {
        input->kind = FRAME_TEXT;
    } else if (strcmp(field[2], "tensor") == 0) {
        input->kind = FRAME_TENSOR;
    } else if (strncmp(field[2], "tensor@", 7) == 0) {
        input->kind = FRAME_SLICE;
        if (!text_parse_u64(field[2] + 7, &input->offset)) return "the tensor's offset is not a number of bytes";
    } else {
        return "the kind is none of rgb, pcm, text, tensor, tensor@OFFSET";
    }
    if (!field[3][0]) return "no path";
    input->path = field[3];
    input->name = field[4];
    return NULL;
}

static int by_input(const void *a, const void *b) {
    uint32_t x = ((const struct frame_input *)a)->input, y = ((const struct frame_input *)b)->input;
    return (x > y) - (x < y);
}

static int by_number(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

// Every frame gives every input once, and no frame comes twice.
static void check_frames(struct frames *frames, size_t lines, const char *path) {
    if (lines == 0) fail(ERROR_LIST_INVALID, path, "no frames");
    if (lines % frames->per_frame) {
        fail(ERROR_LIST_INVALID, path, "%zu lines do not make whole frames of %zu inputs", lines, frames->per_frame);
    }
    frames->count = lines / frames->per_frame;
    uint32_t *seen = malloc(frames->count * sizeof *seen);
    if (!seen) fail_memory("the list of frames");
    for (size_t i = 0; i < frames->count; i++) {
        struct frame_input *inputs = frames->inputs + i * frames->per_frame;
        seen[i] = inputs[0].frame;
        qsort(inputs, frames->per_frame, sizeof *inputs, by_input);
        for (size_t j = 0; j < frames->per_frame; j++) {
            if (inputs[j].frame != seen[i] || inputs[j].input != j) {
                fail(ERROR_LIST_INVALID, path,
                     "frame %u does not give each of the model's %zu inputs once, on consecutive lines", seen[i],
                     frames->per_frame);
            }
        }
    }
    qsort(seen, frames->count, sizeof *seen, by_number);
    for (size_t i = 1; i < frames->count; i++) {
        if (seen[i] == seen[i - 1]) fail(ERROR_LIST_INVALID, path, "frame %u comes twice", seen[i]);
    }
    free(seen);
}

void frames_read(struct frames *frames, const char *path, size_t per_frame) {
    *frames = (struct frames){.per_frame = per_frame};
    size_t size;
    frames->text = read_text(path, &size);
    struct bytes inputs = {0};
    size_t lines = 0;
    for (char *line = frames->text, *end = frames->text + size; line < end;) {
        char *newline = memchr(line, '\n', (size_t)(end - line));
        char *stop = newline ? newline : end;
        char where[4200];
        snprintf(where, sizeof where, "%s:%zu", path, ++lines);
        if (stop - line > FRAMES_MAX_LINE) fail(ERROR_LIST_INVALID, where, "longer than %d bytes", FRAMES_MAX_LINE);
        if (memchr(line, '\0', (size_t)(stop - line))) fail(ERROR_LIST_INVALID, where, "a NUL byte");
        *stop = '\0';
        struct frame_input input = {.kind = FRAME_TENSOR};
        const char *wrong = parse_line(line, &input);
        if (wrong) fail(ERROR_LIST_INVALID, where, "%s", wrong);
        frames->has[input.kind] = true;
        bytes_append(&inputs, &input, sizeof input);
        line = stop + 1;
    }
    if (inputs.failed) fail_memory("the list of frames");
    frames->inputs = (struct frame_input *)(void *)inputs.data;
    check_frames(frames, lines, path);
}

void frames_free(struct frames *frames) {
    free(frames->text);
    free(frames->inputs);
    *frames = (struct frames){0};
}
