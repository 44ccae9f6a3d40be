// A model that LiteRT runs on the CPU, one frame at a time. Nothing here ends the process.
#ifndef EXRAY_MODEL_H
#define EXRAY_MODEL_H

#include "../include/exray.h"
#include "../src/litert.h"

// An input or output; an open batch is 1.
struct port {
    const char *name;
    exray_type type;
    uint32_t rank;
    int32_t shape[LITERT_MAX_RANK];
    int32_t index;  // in the model's graph; -1: not told
    LiteRtQuantizationPerTensor quantization;  // per tensor; of scale 0 where there is none
    size_t size;  // bytes
    int32_t element;  // the type in LiteRT's words
    LiteRtTensorBuffer buffer;
};

struct model {
    struct litert rt;
    LiteRtEnvironment environment;
    LiteRtModel model;
    LiteRtOptions options;
    LiteRtCompiledModel compiled;
    size_t inputs, outputs;
    struct port *ports;  // inputs, then outputs
    LiteRtTensorBuffer *buffers;  // the same
};

struct model_error {
    LiteRtStatus status;  // 0: not LiteRT's
    char text[768];
};

// Loads the runtime and the model's first signature; NULL where that fails.
struct model *model_open(const char *path, const char *runtime, unsigned threads, struct model_error *error);
void model_close(struct model *m);
// As many bytes as the port has.
LiteRtStatus model_write(struct model *m, size_t port, const void *from);
LiteRtStatus model_read(struct model *m, size_t port, void *to);
LiteRtStatus model_run(struct model *m);

#endif
