// What an app logs of a frame beside its times: tensors, pictures, texts, numbers.
#include <string.h>

#include "../src/clock.h"
#include "log.h"
#include "wire.h"

enum { SPEC = 2 * NAME + 2 * WIRE_HEAD + (16 + EXRAY_MAX_RANK) * WIRE_UINT };

enum kind {  // as ElementSpec.Kind of exray.proto
    KIND_SCALAR = 1,
    KIND_TENSOR = 2,
    KIND_IMAGE = 3,
    KIND_TEXT = 4,
    KIND_BYTES = 5,
    KIND_SPAN = 6,
    KIND_ASSERTION = 7,
};

enum role { ROLE_INPUT = 1, ROLE_OUTPUT = 2, ROLE_LAYER = 3 };

static uint8_t *put_text(uint8_t *at, unsigned field, const char *text) {
    char copied[NAME];
    size_t n = name_copy(copied, sizeof copied, text);
    at = wire_head(at, field, n);
    memcpy(at, copied, n);
    return at + n;
}

static uint8_t *put_ints(uint8_t *at, unsigned field, const int64_t *values, uint32_t n) {
    uint8_t packed[EXRAY_MAX_RANK * WIRE_UINT], *end = packed;
    for (uint32_t i = 0; i < n; i++) end = wire_varint(end, (uint64_t)values[i]);
    at = wire_head(at, field, (size_t)(end - packed));
    memcpy(at, packed, (size_t)(end - packed));
    return at + (end - packed);
}

static size_t width(exray_type type) {
    switch (type) {
        case EXRAY_BOOL:
        case EXRAY_INT8:
        case EXRAY_UINT8: return 1;
        case EXRAY_INT16:
        case EXRAY_UINT16:
        case EXRAY_FLOAT16:
        case EXRAY_BFLOAT16: return 2;
        case EXRAY_INT32:
        case EXRAY_UINT32:
        case EXRAY_FLOAT32: return 4;
        case EXRAY_INT64:
        case EXRAY_UINT64:
        case EXRAY_FLOAT64: return 8;
    }
    return 0;
}

size_t log_tensor_size(const exray_tensor *tensor) {
    size_t size = width(tensor->type);
    if (tensor->rank > EXRAY_MAX_RANK || !tensor->data) return 0;
    for (uint32_t i = 0; i < tensor->rank; i++) {
        if (tensor->shape[i] < 0) return 0;
        size_t side = (size_t)tensor->shape[i];
        if (side && size > SIZE_MAX / side) return 0;
        size *= side;
    }
    return size;
}

struct open_frame *log_wanted(struct exray_capture *x, exray_frame frame) {
    struct open_frame *opened = log_frame(x, frame);
    if (!opened) return NULL;
    return opened->logged || x->options.sampling == EXRAY_ON_ASSERTION ? opened : NULL;
}

static void hold(struct exray_capture *x, struct open_frame *frame, enum log_channel channel, const uint8_t *head,
                 size_t head_size, const void *body, size_t body_size) {
    struct held record = {monotonic_ns(), (uint32_t)(head_size + body_size), (uint16_t)channel, 0};
    pthread_mutex_lock(&x->held_lock);
    bool room = frame->held.size + sizeof record + record.size <= ring_largest(&x->ring);
    if (room) {
        bytes_append(&frame->held, &record, sizeof record);
        bytes_append(&frame->held, head, head_size);
        bytes_append(&frame->held, body, body_size);
    }
    pthread_mutex_unlock(&x->held_lock);
    if (!room) log_dropped(x, record.size);
}

static void put(struct exray_capture *x, struct open_frame *frame, enum log_channel channel, const uint8_t *head,
                size_t head_size, const void *body, size_t body_size) {
    if (x->options.sampling == EXRAY_ON_ASSERTION) {
        hold(x, frame, channel, head, head_size, body, body_size);
    } else if (log_affords(x, head_size + body_size, true)) {
        log_put(x, channel, monotonic_ns(), head, head_size, body, body_size);
    }
}

static void log_tensor(struct exray_capture *x, exray_frame frame, enum role role, uint32_t position,
                       const exray_tensor *tensor) {
    struct open_frame *opened = log_wanted(x, frame);
    size_t size = opened && tensor ? log_tensor_size(tensor) : 0;
    if (!size) return;
    uint8_t spec[SPEC], *at = spec;
    at = wire_uint(at, 2, role);
    at = wire_uint(at, 3, position);
    at = wire_uint(at, 4, (uint64_t)(int64_t)tensor->index);
    at = put_text(at, 5, tensor->name);
    at = wire_uint(at, 6, tensor->type);
    at = put_ints(at, 7, tensor->shape, tensor->rank);
    if (tensor->scale != 0) {
        at = wire_head(at, 8, sizeof tensor->scale);
        memcpy(at, &tensor->scale, sizeof tensor->scale), at += sizeof tensor->scale;
        at = put_ints(at, 9, &tensor->zero_point, 1);
    }
    uint32_t id = spec_id(x, LOG_TENSOR_SPEC, spec, (size_t)(at - spec));
    if (!id) return;
    uint8_t head[3 * WIRE_UINT];
    at = wire_uint(head, 1, id);
    at = wire_uint(at, 2, frame - 1);
    at = wire_head(at, 3, size);
    put(x, opened, LOG_TENSOR, head, (size_t)(at - head), tensor->data, size);
}

void exray_log_input(exray_capture *x, exray_frame frame, uint32_t position, const exray_tensor *tensor) {
    log_tensor(x, frame, ROLE_INPUT, position, tensor);
}

void exray_log_output(exray_capture *x, exray_frame frame, uint32_t position, const exray_tensor *tensor) {
    log_tensor(x, frame, ROLE_OUTPUT, position, tensor);
}

void exray_log_layer(exray_capture *x, exray_frame frame, const exray_tensor *tensor) {
    log_tensor(x, frame, ROLE_LAYER, 0, tensor);
}

// The id of an element's spec; 0 where there is no room for it.
static uint32_t element(struct exray_capture *x, const char *name, enum kind kind, exray_type type,
                        const int64_t *shape, uint32_t rank, const char *format) {
    uint8_t spec[SPEC], *at = spec;
    at = put_text(at, 2, name);
    at = wire_uint(at, 3, kind);
    at = wire_uint(at, 4, type);
    at = put_ints(at, 5, shape, rank);
    at = put_text(at, 6, format);
    return spec_id(x, LOG_ELEMENT_SPEC, spec, (size_t)(at - spec));
}

static uint8_t *element_head(uint8_t *at, uint32_t id, exray_frame frame) {
    at = wire_uint(at, 1, id);
    at = wire_uint(at, 2, frame);  // from 1: 0 is none
    return wire_uint(at, 3, monotonic_ns());
}

static void put_element(struct exray_capture *x, struct open_frame *opened, exray_frame frame, uint32_t id,
                        const void *data, size_t size) {
    if (!id) return;
    uint8_t head[4 * WIRE_UINT], *at = element_head(head, id, frame);
    at = wire_head(at, 4, size);
    put(x, opened, LOG_ELEMENT, head, (size_t)(at - head), data, size);
}

void exray_log_scalar(exray_capture *x, exray_frame frame, const char *name, double value) {
    struct open_frame *opened = log_wanted(x, frame);
    uint32_t id = opened ? element(x, name, KIND_SCALAR, EXRAY_FLOAT64, NULL, 0, NULL) : 0;
    if (!id) return;
    uint8_t head[3 * WIRE_UINT + WIRE_DOUBLE], *at = element_head(head, id, frame);
    at = wire_double(at, 5, value);
    put(x, opened, LOG_ELEMENT, head, (size_t)(at - head), NULL, 0);
}

void exray_log_tensor(exray_capture *x, exray_frame frame, const exray_tensor *tensor) {
    struct open_frame *opened = log_wanted(x, frame);
    size_t size = opened && tensor ? log_tensor_size(tensor) : 0;
    if (!size) return;
    put_element(x, opened, frame,
                element(x, tensor->name, KIND_TENSOR, tensor->type, tensor->shape, tensor->rank, NULL), tensor->data,
                size);
}

void exray_log_image(exray_capture *x, exray_frame frame, const char *name, const char *format, uint32_t width,
                     uint32_t height, size_t row_stride, const void *pixels) {
    struct open_frame *opened = log_wanted(x, frame);
    size_t channels = !format ? 0 : strcmp(format, "gray") == 0 ? 1 : strlen(format);
    if (!opened || !pixels || !channels || channels > 4 || !width || !height) return;
    int64_t shape[] = {height, width, (int64_t)channels};
    uint32_t id = element(x, name, KIND_IMAGE, EXRAY_UINT8, shape, 3, format);
    size_t row = width * channels;
    if (!id) return;
    if (row_stride == 0 || row_stride == row) {
        put_element(x, opened, frame, id, pixels, row * height);
        return;
    }
    struct bytes packed = {0};  // the gaps between rows are nobody's
    for (uint32_t y = 0; y < height; y++) bytes_append(&packed, (const uint8_t *)pixels + y * row_stride, row);
    if (!packed.failed) put_element(x, opened, frame, id, packed.data, packed.size);
    bytes_free(&packed);
}

void exray_log_text(exray_capture *x, exray_frame frame, const char *name, const char *text) {
    struct open_frame *opened = log_wanted(x, frame);
    if (!opened || !text) return;
    put_element(x, opened, frame, element(x, name, KIND_TEXT, 0, NULL, 0, NULL), text, strlen(text));
}

void exray_log_bytes(exray_capture *x, exray_frame frame, const char *name, const void *data, size_t size) {
    struct open_frame *opened = log_wanted(x, frame);
    if (!opened || (!data && size)) return;
    put_element(x, opened, frame, element(x, name, KIND_BYTES, 0, NULL, 0, NULL), data, size);
}

void exray_log_span(exray_capture *x, exray_frame frame, const char *name, uint64_t since) {
    uint64_t now = monotonic_ns();
    uint32_t id = x ? element(x, name, KIND_SPAN, 0, NULL, 0, NULL) : 0;
    if (!id) return;
    uint8_t message[4 * WIRE_UINT], *at = message;
    at = wire_uint(at, 1, id);
    at = wire_uint(at, 2, frame);
    at = wire_uint(at, 3, since);
    at = wire_uint(at, 4, now > since ? now - since : 0);
    if (log_affords(x, (size_t)(at - message), true)) {
        log_put(x, LOG_SPAN, now, message, (size_t)(at - message), NULL, 0);
    }
}

void exray_log_sensor(exray_capture *x, const char *name, const double *values, uint32_t n) {
    if (!x || !values || n == 0 || n > EXRAY_MAX_RANK * 2) return;
    uint8_t message[2 * WIRE_UINT + 2 * WIRE_HEAD + NAME + EXRAY_MAX_RANK * 2 * sizeof(double)], *at = message;
    at = wire_uint(at, 1, monotonic_ns());
    at = put_text(at, 2, name);
    at = wire_head(at, 3, n * sizeof(double));
    memcpy(at, values, n * sizeof(double)), at += n * sizeof(double);
    if (log_affords(x, (size_t)(at - message), true)) {
        log_put(x, LOG_SENSOR, monotonic_ns(), message, (size_t)(at - message), NULL, 0);
    }
}

int exray_assert(exray_capture *x, exray_frame frame, int holds, const char *what) {
    if (holds || !x) return holds;
    struct open_frame *opened = log_wanted(x, frame);
    if (opened) opened->logged = true;
    uint32_t id = element(x, what, KIND_ASSERTION, 0, NULL, 0, NULL);
    if (!id) return holds;
    uint8_t head[3 * WIRE_UINT], *at = element_head(head, id, frame);
    if (log_affords(x, (size_t)(at - head), false)) {
        log_put(x, LOG_ELEMENT, monotonic_ns(), head, (size_t)(at - head), NULL, 0);
    }
    return holds;
}
