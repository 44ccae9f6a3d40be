// What of a frame's tensors goes into the capture: all their bytes, or their statistics.
#ifndef EXRAY_TENSOR_LOG_H
#define EXRAY_TENSOR_LOG_H

#include "capture.h"

struct tensor_log {
    struct session *session;
    struct capture *capture;
    struct pass_traits traits;
    uint64_t full_frames;  // left to be logged in full
    uint64_t bytes;        // of tensor data left
    bool full;             // the frame being played is
};

// Full frames are the first `full_frames`, as far as `byte_budget` (0: none) goes.
void tensor_log_open(struct tensor_log *log, struct session *session, struct capture *capture, enum pass pass,
                     uint64_t full_frames, uint64_t byte_budget);
void tensor_log_write_specs(struct tensor_log *log);
// To be called at the start of each frame: decides whether it is a full one.
void tensor_log_begin_frame(struct tensor_log *log);
void tensor_log_write_inputs(struct tensor_log *log, uint32_t frame);
void tensor_log_write_outputs(struct tensor_log *log, uint32_t frame);

#endif
