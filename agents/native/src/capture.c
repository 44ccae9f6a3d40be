#include "capture.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "exray_descriptor.h"
#include "protobuf.h"
#include "version.h"

enum channel {
    CHANNEL_HEADER,
    CHANNEL_SPEC,
    CHANNEL_TENSOR,
    CHANNEL_FRAME,
    CHANNEL_OPS,
    CHANNEL_MEMORY,
    CHANNEL_END,
    CHANNEL_STATISTICS,
    CHANNEL_CONDITIONS,
    CHANNEL_SAMPLE,
    CHANNEL_SENSOR,
    CHANNELS,
};

static const struct mcap_channel CHANNEL_LIST[CHANNELS] = {
    [CHANNEL_HEADER] = {"/header", "exray.Header"},
    [CHANNEL_SPEC] = {"/tensor_spec", "exray.TensorSpec"},
    [CHANNEL_TENSOR] = {"/tensor_data", "exray.TensorData"},
    [CHANNEL_FRAME] = {"/frame", "exray.Frame"},
    [CHANNEL_OPS] = {"/op_times", "exray.OpTimes"},
    [CHANNEL_MEMORY] = {"/memory", "exray.Memory"},
    [CHANNEL_END] = {"/end", "exray.End"},
    [CHANNEL_STATISTICS] = {"/statistics", "exray.Statistics"},
    [CHANNEL_CONDITIONS] = {"/conditions", "exray.Conditions"},
    [CHANNEL_SAMPLE] = {"/sample", "exray.Sample"},
    [CHANNEL_SENSOR] = {"/sensor", "exray.Sensor"},
};

enum { CHUNK_SIZE = 1 << 20 };

static const uint64_t FLUSH_AFTER_NS = 2000000000;

// exray.DType of a LiteRT element type; 0 for what it has no word for.
static uint32_t dtype(int32_t type) {
    switch (type) {
        case LITERT_BOOL: return 1;
        case LITERT_INT4: return 2;
        case LITERT_INT8: return 3;
        case LITERT_INT16: return 4;
        case LITERT_INT32: return 5;
        case LITERT_INT64: return 6;
        case LITERT_UINT8: return 7;
        case LITERT_UINT16: return 8;
        case LITERT_UINT32: return 9;
        case LITERT_UINT64: return 10;
        case LITERT_FLOAT16: return 11;
        case LITERT_BFLOAT16: return 12;
        case LITERT_FLOAT32: return 13;
        case LITERT_FLOAT64: return 14;
        default: return 0;
    }
}

static void send_with(struct capture *capture, enum channel channel, const void *body, size_t size) {
    int error = capture->message.failed ? ENOMEM
                                        : mcap_message(&capture->mcap, channel, monotonic_ns(), capture->message.data,
                                                       capture->message.size, body, size);
    if (error) fail_write(capture->path, error);
}

static void send_message(struct capture *capture, enum channel channel) { send_with(capture, channel, NULL, 0); }

static struct bytes *begin(struct capture *capture) {
    bytes_clear(&capture->message);
    return &capture->message;
}

void capture_open(struct capture *capture, const char *path) {
    *capture = (struct capture){.path = path, .flushed_ns = monotonic_ns()};
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) fail_write(path, errno);
    int error = mcap_open(&capture->mcap, fd, "exray-agent " EXRAY_AGENT_VERSION, CHANNEL_LIST, CHANNELS,
                          (struct mcap_schema_data){EXRAY_DESCRIPTOR, sizeof EXRAY_DESCRIPTOR}, CHUNK_SIZE);
    if (error) fail_write(path, error);
}

static void put_preprocess(struct bytes *out, uint32_t field, const struct preprocess *preprocess) {
    struct bytes message = {0};
    pb_uint(&message, 1, preprocess->rotate);
    pb_double(&message, 2, preprocess->crop);
    pb_string(&message, 3, RESIZE_NAMES[preprocess->resize]);
    pb_string(&message, 4, preprocess->bgr ? "bgr" : "rgb");
    pb_packed_doubles(&message, 5, preprocess->mean, 3);
    pb_packed_doubles(&message, 6, preprocess->std, 3);
    pb_string(&message, 7, preprocess->letterbox ? "letterbox" : "stretch");
    pb_uint(&message, 8, preprocess->pad);
    pb_message(out, field, &message);
    bytes_free(&message);
}

static void put_audio(struct bytes *out, uint32_t field, const struct audio *audio) {
    const struct features *features = &audio->features;
    struct bytes message = {0};
    pb_uint(&message, 1, audio->sample_rate);
    pb_string(&message, 2, AUDIO_CHANNELS[audio->channel]);
    pb_string(&message, 3, audio->int16 ? "int16" : "unit");
    pb_string(&message, 4, FEATURES_KINDS[features->kind]);
    if (features->kind != FEATURES_WAVEFORM) {
        pb_string(&message, 5, FEATURES_WINDOWS[features->window]);
        pb_uint(&message, 6, features->frame_length);
        pb_uint(&message, 7, features->frame_step);
        pb_uint(&message, 8, features->fft_length);
        pb_string(&message, 9, features->power ? "power" : "magnitude");
        pb_uint(&message, 10, features->mel_bins);
        pb_double(&message, 11, features->low_hz);
        pb_double(&message, 12, features->high_hz);
        pb_string(&message, 13, FEATURES_LOGS[features->log]);
        pb_double(&message, 14, features->log_floor);
    }
    if (features->kind == FEATURES_MFCC) pb_uint(&message, 15, features->coefficients);
    pb_double(&message, 16, audio->mean);
    pb_double(&message, 17, audio->std);
    pb_message(out, field, &message);
    bytes_free(&message);
}

static void put_text(struct bytes *out, uint32_t field, const struct capture_header *header) {
    const struct tokenize *text = header->text;
    struct bytes message = {0};
    pb_bytes(&message, 1, header->vocabulary, SHA256_SIZE);
    pb_string(&message, 2, TEXT_TOKENIZERS[text->wordpiece]);
    pb_uint(&message, 3, !text->keep_case);
    pb_string(&message, 4, text->pad_left ? "left" : "right");
    pb_string(&message, 5, text->cut_head ? "head" : "tail");
    pb_int(&message, 6, text->unknown);
    pb_int(&message, 7, text->pad);
    if (text->has_start) pb_int_present(&message, 8, text->start);
    if (text->has_end) pb_int_present(&message, 9, text->end);
    for (size_t i = 0; i < text->role_count; i++) pb_string(&message, 10, TEXT_ROLES[text->roles[i]]);
    pb_message(out, field, &message);
    bytes_free(&message);
}

void capture_write_header(struct capture *capture, const struct capture_header *header) {
    struct bytes *out = begin(capture);
    pb_uint(out, 1, 1);
    pb_uint(out, 2, header->pass);
    pb_string(out, 3, EXRAY_AGENT_VERSION);
    pb_string(out, 4, EXRAY_ABI);
    pb_bytes(out, 5, header->agent, SHA256_SIZE);
    pb_bytes(out, 6, header->model, SHA256_SIZE);
    pb_bytes(out, 7, header->runtime, SHA256_SIZE);
    pb_string(out, 8, header->kernel);
    pb_uint(out, 9, header->fully_accelerated);
    pb_uint(out, 10, header->threads);
    pb_uint(out, 11, header->warmup);
    pb_uint(out, 12, header->repetitions);
    pb_uint(out, 13, clock_ns(CLOCK_REALTIME));
    pb_uint(out, 14, monotonic_ns());
    if (header->image) put_preprocess(out, 15, header->image);
    for (size_t i = 0; i < header->label_count; i++) {
        struct bytes entry = {0};
        pb_string(&entry, 1, header->labels[i].key);
        pb_string(&entry, 2, header->labels[i].value);
        pb_message(out, 16, &entry);
        bytes_free(&entry);
    }
    pb_string(out, 17, header->accelerator);
    pb_string(out, 18, header->accelerator_used);
    pb_uint(out, 19, header->cpu_mask);
    pb_uint(out, 20, header->cpu_mask_used);
    pb_uint(out, 21, header->byte_budget);
    if (header->audio) put_audio(out, 22, header->audio);
    if (header->text) put_text(out, 23, header);
    send_message(capture, CHANNEL_HEADER);
}

void capture_write_spec(struct capture *capture, uint32_t id, const struct tensor *tensor) {
    struct bytes *out = begin(capture);
    pb_uint(out, 1, id);
    pb_uint(out, 2, tensor->is_input ? 1 : 2);
    pb_uint(out, 3, tensor->position);
    pb_int(out, 4, tensor->index);
    pb_string(out, 5, tensor->name);
    pb_uint(out, 6, dtype(tensor->type));
    int64_t shape[LITERT_MAX_RANK];
    for (uint32_t i = 0; i < tensor->rank; i++) shape[i] = tensor->shape[i];
    pb_packed_ints(out, 7, shape, tensor->rank);
    if (tensor->quantized) {
        pb_packed_floats(out, 8, &tensor->quantization.scale, 1);
        pb_packed_ints(out, 9, &tensor->quantization.zero_point, 1);
    }
    send_message(capture, CHANNEL_SPEC);
}

void capture_write_tensor(struct capture *capture, uint32_t spec, uint32_t frame, const void *data, size_t size) {
    struct bytes *out = begin(capture);
    pb_uint(out, 1, spec);
    pb_uint(out, 2, frame);
    if (size) pb_bytes_head(out, 3, size);
    send_with(capture, CHANNEL_TENSOR, data, size);
}

void capture_write_statistics(struct capture *capture, uint32_t spec, uint32_t frame, const struct statistics *is) {
    struct bytes *out = begin(capture);
    pb_uint(out, 1, spec);
    pb_uint(out, 2, frame);
    pb_uint(out, 3, is->count);
    pb_double(out, 4, is->min);
    pb_double(out, 5, is->max);
    pb_double(out, 6, is->mean);
    pb_double(out, 7, is->rms);
    pb_uint(out, 8, is->saturated);
    pb_uint(out, 9, is->nan);
    send_message(capture, CHANNEL_STATISTICS);
}

void capture_write_conditions(struct capture *capture, enum conditions_when when, const struct conditions *conditions) {
    struct bytes *out = begin(capture);
    struct bytes item = {0};
    pb_uint(out, 1, when);
    pb_uint(out, 2, monotonic_ns());
    for (size_t i = 0; i < conditions->clock_count; i++) {
        bytes_clear(&item);
        pb_uint(&item, 1, conditions->clocks[i].cpu);
        pb_uint(&item, 2, conditions->clocks[i].khz);
        pb_message(out, 3, &item);
    }
    for (size_t i = 0; i < conditions->temperature_count; i++) {
        bytes_clear(&item);
        pb_string(&item, 1, conditions->temperatures[i].zone);
        pb_sint(&item, 2, conditions->temperatures[i].millicelsius);
        pb_message(out, 4, &item);
    }
    bytes_free(&item);
    send_message(capture, CHANNEL_CONDITIONS);
}

void capture_write_frame(struct capture *capture, const struct capture_frame *frame) {
    struct bytes *out = begin(capture);
    pb_uint(out, 1, frame->index);
    pb_uint(out, 2, frame->repetition);
    pb_string(out, 3, frame->name);
    pb_uint(out, 4, frame->start_ns);
    pb_uint(out, 5, frame->preprocess_ns);
    pb_uint(out, 6, frame->invoke_ns);
    send_message(capture, CHANNEL_FRAME);
}

void capture_write_ops(struct capture *capture, uint32_t frame, const LiteRtProfilerEvent *events, size_t n) {
    struct bytes *out = begin(capture);
    struct bytes op = {0};
    pb_uint(out, 1, frame);
    for (size_t i = 0; i < n; i++) {
        int32_t type = events[i].event_type;
        // The others tell of the runtime as a whole, and their durations cannot be trusted.
        bool is_op = type == LITERT_EVENT_OP || type == LITERT_EVENT_DELEGATE_OP;
        if (!is_op && type != LITERT_EVENT_DELEGATE_PROFILED_OP) continue;
        bytes_clear(&op);
        pb_string(&op, 1, events[i].tag ? events[i].tag : "");
        pb_int(&op, 2, type);
        pb_uint(&op, 3, events[i].metadata1);
        pb_uint(&op, 4, events[i].start_us);
        pb_uint(&op, 5, events[i].duration_us);
        pb_message(out, 2, &op);
    }
    bytes_free(&op);
    send_message(capture, CHANNEL_OPS);
}

void capture_write_memory(struct capture *capture, uint32_t frame, uint64_t rss, uint64_t peak_rss) {
    struct bytes *out = begin(capture);
    pb_uint(out, 1, frame);
    pb_uint(out, 2, monotonic_ns());
    pb_uint(out, 3, rss);
    pb_uint(out, 4, peak_rss);
    send_message(capture, CHANNEL_MEMORY);
}

void capture_write_sample(struct capture *capture, const uint8_t *data, size_t size) {
    bytes_append(begin(capture), data, size);
    send_message(capture, CHANNEL_SAMPLE);
}

void capture_write_sensor(struct capture *capture, const uint8_t *data, size_t size) {
    bytes_append(begin(capture), data, size);
    send_message(capture, CHANNEL_SENSOR);
}

void capture_write_end(struct capture *capture, uint32_t invocations) {
    struct bytes *out = begin(capture);
    pb_uint(out, 1, invocations);
    pb_uint(out, 2, monotonic_ns());
    send_message(capture, CHANNEL_END);
}

void capture_flush(struct capture *capture) {
    int error = mcap_flush(&capture->mcap);
    if (error) fail_write(capture->path, error);
    capture->flushed_ns = monotonic_ns();
}

void capture_tick(struct capture *capture) {
    if (monotonic_ns() - capture->flushed_ns > FLUSH_AFTER_NS) capture_flush(capture);
}

uint64_t capture_close(struct capture *capture) {
    int error = mcap_close(&capture->mcap);
    uint64_t size = capture->mcap.offset;
    // Some file systems tell of a full disk only here.
    if (!error && close(capture->mcap.fd) != 0) error = errno;
    if (error) fail_write(capture->path, error);
    mcap_free(&capture->mcap);
    bytes_free(&capture->message);
    return size;
}
