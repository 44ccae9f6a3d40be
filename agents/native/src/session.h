// A compiled model with its input and output buffers.
#ifndef EXRAY_SESSION_H
#define EXRAY_SESSION_H

#include "litert.h"

struct tensor {
    bool is_input;
    uint32_t position;  // in the signature's inputs or outputs
    int32_t index;      // in the subgraph, -1 when the runtime does not tell
    const char *name;   // the model's
    int32_t type;       // LiteRT element type
    uint32_t rank;
    int32_t shape[LITERT_MAX_RANK];
    bool quantized;  // per tensor; per-channel parameters are in the model's file
    LiteRtQuantizationPerTensor quantization;
    size_t size;  // bytes, packed
};

struct session {
    const struct litert *rt;
    const char *model_path;
    LiteRtEnvironment environment;
    LiteRtModel model;
    LiteRtOptions options;
    LiteRtCompiledModel compiled;
    LiteRtProfiler profiler;  // NULL unless asked for
    size_t input_count, output_count;
    struct tensor *inputs, *outputs;
    LiteRtTensorBuffer *input_buffers, *output_buffers;
    bool fully_accelerated;
};

struct session_options {
    const char *kernel;  // delegate, builtin, reference
    enum litert_accelerator accelerator;
    const char *runtime_path;
    unsigned threads;
    bool profile;
};

// Loads and compiles the model at `path` and makes its buffers. A batch of -1 becomes 1.
// Nothing runs on another processor than the accelerator's: a model that does not fit is refused.
// Fails with accelerator-missing, accelerator-unused, model-unreadable, model-unsupported, op-unregistered,
// compile-failed, input-shape, kernel-ignored, out-of-memory.
void session_open(struct session *session, const struct litert *rt, const char *path, struct session_options options);
// Runs the model once, or fails with invoke-failed.
void session_run(struct session *session);
void *session_lock(struct session *session, LiteRtTensorBuffer buffer, bool write);
void session_unlock(struct session *session, LiteRtTensorBuffer buffer);
void session_close(struct session *session);

// "[1, 224, 224, 3]" for messages.
void tensor_shape_text(const struct tensor *tensor, char *out, size_t size);

#endif
