#include "tensor_log.h"

void tensor_log_open(struct tensor_log *log, struct session *session, struct capture *capture, enum pass pass,
                     uint64_t full_frames, uint64_t byte_budget) {
    *log = (struct tensor_log){
        .session = session,
        .capture = capture,
        .traits = PASS_TRAITS[pass],
        .full_frames = full_frames,
        .bytes = byte_budget ? byte_budget : UINT64_MAX,
    };
}

// Spec ids: inputs from 1, outputs after them.
static uint32_t spec_id(const struct tensor_log *log, const struct tensor *tensor) {
    return 1 + tensor->position + (tensor->is_input ? 0 : (uint32_t)log->session->input_count);
}

static void write_specs(struct tensor_log *log, const struct tensor *tensors, size_t n) {
    for (size_t i = 0; i < n; i++) capture_write_spec(log->capture, spec_id(log, &tensors[i]), &tensors[i]);
}

void tensor_log_write_specs(struct tensor_log *log) {
    const struct session *s = log->session;
    if (log->traits.log_inputs) write_specs(log, s->inputs, s->input_count);
    if (log->traits.log_outputs) write_specs(log, s->outputs, s->output_count);
}

static uint64_t frame_size(const struct tensor_log *log) {
    const struct session *s = log->session;
    uint64_t size = 0;
    for (size_t i = 0; log->traits.log_inputs && i < s->input_count; i++) size += s->inputs[i].size;
    for (size_t i = 0; log->traits.log_outputs && i < s->output_count; i++) size += s->outputs[i].size;
    return size;
}

void tensor_log_begin_frame(struct tensor_log *log) {
    uint64_t size = frame_size(log);
    log->full = log->full_frames > 0 && size <= log->bytes;
    if (log->full) {
        log->full_frames--;
        log->bytes -= size;
    } else {
        log->full_frames = 0;  // no gaps: full frames come first
    }
}

static void write_tensors(struct tensor_log *log, uint32_t frame, const struct tensor *tensors,
                          LiteRtTensorBuffer *buffers, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const void *data = session_lock(log->session, buffers[i], false);
        uint32_t spec = spec_id(log, &tensors[i]);
        if (log->full) {
            capture_write_tensor(log->capture, spec, frame, data, tensors[i].size);
        } else {
            struct statistics statistics = statistics_of(&tensors[i], data);
            capture_write_statistics(log->capture, spec, frame, &statistics);
        }
        session_unlock(log->session, buffers[i]);
    }
}

void tensor_log_write_inputs(struct tensor_log *log, uint32_t frame) {
    const struct session *s = log->session;
    if (log->traits.log_inputs) write_tensors(log, frame, s->inputs, s->input_buffers, s->input_count);
}

void tensor_log_write_outputs(struct tensor_log *log, uint32_t frame) {
    const struct session *s = log->session;
    if (log->traits.log_outputs) write_tensors(log, frame, s->outputs, s->output_buffers, s->output_count);
}
