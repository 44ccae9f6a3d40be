#include "model_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "model_schema.h"

// Whether every int32 of the vector is an index below `limit`, or -1 where that means "none".
static bool indices(const struct fb *fb, size_t vector, size_t limit, bool optional) {
    for (size_t i = 0, n = fb_length(fb, vector); i < n; i++) {
        int32_t index = fb_int(fb, vector, i);
        if (index == -1 && optional) continue;
        if (index < 0 || (size_t)index >= limit) return false;
    }
    return true;
}

static bool range(const struct fb *fb, uint64_t offset, uint64_t size) {
    return offset <= fb->size && size <= fb->size - offset;
}

static const char *check_subgraph(const struct fb *fb, size_t subgraph, size_t codes, size_t buffers) {
    size_t tensors = fb_child(fb, subgraph, SUBGRAPH_TENSORS), count = fb_length(fb, tensors);
    for (size_t i = 0; i < count; i++) {
        if (fb_scalar(fb, fb_element(fb, tensors, i), TENSOR_BUFFER, 4) >= buffers) return "a tensor's buffer";
    }
    if (!indices(fb, fb_child(fb, subgraph, SUBGRAPH_INPUTS), count, false)) return "an input";
    if (!indices(fb, fb_child(fb, subgraph, SUBGRAPH_OUTPUTS), count, false)) return "an output";
    size_t operators = fb_child(fb, subgraph, SUBGRAPH_OPERATORS);
    for (size_t i = 0, n = fb_length(fb, operators); i < n; i++) {
        size_t op = fb_element(fb, operators, i);
        if (fb_scalar(fb, op, OPERATOR_CODE, 4) >= codes) return "an operator's code";
        if (!indices(fb, fb_child(fb, op, OPERATOR_INPUTS), count, true)) return "an operator's input";
        if (!indices(fb, fb_child(fb, op, OPERATOR_OUTPUTS), count, true)) return "an operator's output";
        if (!indices(fb, fb_child(fb, op, OPERATOR_INTERMEDIATES), count, true)) return "an operator's intermediate";
        if (!range(fb, fb_scalar(fb, op, OPERATOR_LARGE_OFFSET, 8), fb_scalar(fb, op, OPERATOR_LARGE_SIZE, 8))) {
            return "an operator's options";
        }
    }
    return NULL;
}

static bool tensor_maps(const struct fb *fb, size_t maps, size_t tensors) {
    for (size_t i = 0, n = fb_length(fb, maps); i < n; i++) {
        if (fb_scalar(fb, fb_element(fb, maps, i), TENSOR_MAP_TENSOR, 4) >= tensors) return false;
    }
    return true;
}

// What of the verified buffer points to something that is not there, or NULL.
static const char *check_indices(const struct fb *fb) {
    size_t model = fb_root(fb);
    size_t codes = fb_length(fb, fb_child(fb, model, MODEL_OPERATOR_CODES));
    size_t buffers = fb_child(fb, model, MODEL_BUFFERS), buffer_count = fb_length(fb, buffers);
    size_t subgraphs = fb_child(fb, model, MODEL_SUBGRAPHS), subgraph_count = fb_length(fb, subgraphs);
    if (subgraph_count == 0) return "the first subgraph";
    for (size_t i = 0; i < subgraph_count; i++) {
        const char *wrong = check_subgraph(fb, fb_element(fb, subgraphs, i), codes, buffer_count);
        if (wrong) return wrong;
    }
    for (size_t i = 0; i < buffer_count; i++) {
        size_t buffer = fb_element(fb, buffers, i);
        uint64_t offset = fb_scalar(fb, buffer, BUFFER_OFFSET, 8), size = fb_scalar(fb, buffer, BUFFER_SIZE, 8);
        if (!range(fb, offset, size)) return "a buffer's data";
    }
    size_t metadata = fb_child(fb, model, MODEL_METADATA);
    for (size_t i = 0, n = fb_length(fb, metadata); i < n; i++) {
        uint64_t buffer = fb_scalar(fb, fb_element(fb, metadata, i), METADATA_BUFFER, 4);
        if (buffer >= buffer_count) return "a metadata entry's buffer";
    }
    size_t signatures = fb_child(fb, model, MODEL_SIGNATURES);
    for (size_t i = 0, n = fb_length(fb, signatures); i < n; i++) {
        size_t signature = fb_element(fb, signatures, i);
        uint64_t at = fb_scalar(fb, signature, SIGNATURE_SUBGRAPH, 4);
        if (at >= subgraph_count) return "a signature's subgraph";
        size_t tensors = fb_length(fb, fb_child(fb, fb_element(fb, subgraphs, (size_t)at), SUBGRAPH_TENSORS));
        if (!tensor_maps(fb, fb_child(fb, signature, SIGNATURE_INPUTS), tensors)) return "a signature's input";
        if (!tensor_maps(fb, fb_child(fb, signature, SIGNATURE_OUTPUTS), tensors)) return "a signature's output";
    }
    return NULL;
}

void model_file_check(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0) {
        fail(ERROR_MODEL_UNREADABLE, path, "the model cannot be opened: %s", strerror(errno));
    }
    if (!S_ISREG(info.st_mode)) fail(ERROR_MODEL_UNREADABLE, path, "not a file");
    if (info.st_size == 0) fail(ERROR_MODEL_UNREADABLE, path, "the model is empty");
    size_t size = (size_t)info.st_size;
    void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) fail(ERROR_MODEL_UNREADABLE, path, "the model cannot be read: %s", strerror(errno));
    close(fd);
    struct fb fb = {.data = data, .size = size};
    if (size < 8 || memcmp(fb.data + 4, "TFL3", 4) != 0) {
        fail(ERROR_MODEL_UNREADABLE, path, "not a TensorFlow Lite model: the TFL3 identifier is missing");
    }
    if (!fb_verify(&fb, &MODEL_TYPE)) {
        fail(ERROR_MODEL_UNREADABLE, path, "the model is cut off or damaged: %s leads out of its %zu bytes", fb.wrong,
             size);
    }
    const char *wrong = check_indices(&fb);
    if (wrong) fail(ERROR_MODEL_UNREADABLE, path, "the model is damaged: %s does not exist", wrong);
    munmap(data, size);
}
