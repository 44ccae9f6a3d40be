#include "../include/exray_litert.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "../src/litert_abi.h"
#include "log.h"

// Of LITERT_FUNCTIONS, those that read a model and its buffers.
#define FUNCTIONS(X)                                                                         \
    X(GetModelSignature, (LiteRtModel, size_t, LiteRtSignature *))                           \
    X(GetNumSignatureInputs, (LiteRtSignature, size_t *))                                    \
    X(GetNumSignatureOutputs, (LiteRtSignature, size_t *))                                   \
    X(GetSignatureInputTensorByIndex, (LiteRtSignature, size_t, LiteRtTensor *))             \
    X(GetSignatureOutputTensorByIndex, (LiteRtSignature, size_t, LiteRtTensor *))            \
    X(GetTensorName, (LiteRtTensor, const char **))                                          \
    X(GetTensorIndex, (LiteRtTensor, uint32_t *))                                            \
    X(GetQuantizationTypeId, (LiteRtTensor, int *))                                          \
    X(GetPerTensorQuantization, (LiteRtTensor, LiteRtQuantizationPerTensor *))               \
    X(GetTensorBufferTensorType, (LiteRtTensorBuffer, LiteRtRankedTensorType *))             \
    X(GetTensorBufferPackedSize, (LiteRtTensorBuffer, size_t *))                             \
    X(LockTensorBuffer, (LiteRtTensorBuffer, void **, int))                                  \
    X(UnlockTensorBuffer, (LiteRtTensorBuffer))

struct port {
    char *name;
    int32_t index;
    LiteRtQuantizationPerTensor quantization;
};

struct exray_litert {
#define X(name, arguments) LiteRtStatus(*name) arguments;
    FUNCTIONS(X)
#undef X
    size_t inputs, outputs;
    struct port *ports;  // inputs, then outputs
};

static bool bind(struct exray_litert *hook, void *library) {
    void *from = library ? library : RTLD_DEFAULT;
#define X(name, arguments)                                                       \
    *(void **)(void *)&hook->name = dlsym(from, "LiteRt" #name);                 \
    if (!hook->name) return log_refuse("LiteRt" #name " is not there: link LiteRT, or give what dlopen gave");
    FUNCTIONS(X)
#undef X
    if (!dlsym(from, LITERT_MARKER_2_1_6)) return log_refuse("this LiteRT is older than 2.1.6");
    return true;
}

static bool read_port(const struct exray_litert *hook, LiteRtTensor tensor, struct port *port) {
    const char *name = NULL;
    uint32_t index;
    int kind = 0;
    hook->GetTensorName(tensor, &name);
    port->index = hook->GetTensorIndex(tensor, &index) == LITERT_OK ? (int32_t)index : -1;
    if (hook->GetQuantizationTypeId(tensor, &kind) == LITERT_OK && kind == LITERT_QUANTIZATION_PER_TENSOR) {
        hook->GetPerTensorQuantization(tensor, &port->quantization);
    }
    port->name = strdup(name ? name : "");
    return port->name != NULL;
}

static bool read_ports(struct exray_litert *hook, LiteRtModel model, size_t number) {
    LiteRtSignature signature;
    if (hook->GetModelSignature(model, number, &signature) != LITERT_OK ||
        hook->GetNumSignatureInputs(signature, &hook->inputs) != LITERT_OK ||
        hook->GetNumSignatureOutputs(signature, &hook->outputs) != LITERT_OK) {
        return log_refuse("the model has no signature %zu", number);
    }
    hook->ports = calloc(hook->inputs + hook->outputs, sizeof *hook->ports);
    for (size_t i = 0; hook->ports && i < hook->inputs + hook->outputs; i++) {
        LiteRtTensor tensor;
        LiteRtStatus status = i < hook->inputs
                                  ? hook->GetSignatureInputTensorByIndex(signature, i, &tensor)
                                  : hook->GetSignatureOutputTensorByIndex(signature, i - hook->inputs, &tensor);
        if (status != LITERT_OK) return log_refuse("LiteRT does not tell of tensor %zu: status %d", i, status);
        if (!read_port(hook, tensor, &hook->ports[i])) return log_refuse("no memory");
    }
    return hook->ports || log_refuse("no memory");
}

exray_litert *exray_litert_open(void *library, struct LiteRtModelT *model, size_t signature) {
    struct exray_litert *hook = calloc(1, sizeof *hook);
    if (!hook) {
        log_refuse("no memory");
    } else if (!bind(hook, library) || !read_ports(hook, model, signature)) {
        exray_litert_close(hook);
        hook = NULL;
    }
    return hook;
}

void exray_litert_close(exray_litert *hook) {
    if (!hook) return;
    for (size_t i = 0; hook->ports && i < hook->inputs + hook->outputs; i++) free(hook->ports[i].name);
    free(hook->ports);
    free(hook);
}

exray_type log_litert_type(int32_t element) {
    switch (element) {
        case LITERT_FLOAT32: return EXRAY_FLOAT32;
        case LITERT_INT32: return EXRAY_INT32;
        case LITERT_UINT8: return EXRAY_UINT8;
        case LITERT_INT64: return EXRAY_INT64;
        case LITERT_BOOL: return EXRAY_BOOL;
        case LITERT_INT16: return EXRAY_INT16;
        case LITERT_INT8: return EXRAY_INT8;
        case LITERT_FLOAT16: return EXRAY_FLOAT16;
        case LITERT_FLOAT64: return EXRAY_FLOAT64;
        case LITERT_UINT64: return EXRAY_UINT64;
        case LITERT_UINT32: return EXRAY_UINT32;
        case LITERT_UINT16: return EXRAY_UINT16;
        case LITERT_BFLOAT16: return EXRAY_BFLOAT16;
        default: return (exray_type)0;
    }
}

static void log_buffer(exray_capture *x, exray_frame frame, const struct exray_litert *hook, size_t number,
                       LiteRtTensorBuffer buffer) {
    const struct port *port = &hook->ports[number];
    LiteRtRankedTensorType type;
    size_t size;
    void *data;
    if (hook->GetTensorBufferTensorType(buffer, &type) != LITERT_OK || type.layout.has_strides) return;
    if (hook->GetTensorBufferPackedSize(buffer, &size) != LITERT_OK) return;
    exray_tensor tensor = {
        .name = port->name,
        .type = log_litert_type(type.element_type),
        .rank = type.layout.rank,
        .scale = port->quantization.scale,
        .zero_point = port->quantization.zero_point,
        .index = port->index,
    };
    for (uint32_t i = 0; i < tensor.rank; i++) tensor.shape[i] = type.layout.dimensions[i];
    if (hook->LockTensorBuffer(buffer, &data, LITERT_LOCK_READ) != LITERT_OK) return;
    tensor.data = data;
    if (log_tensor_size(&tensor) <= size) {
        if (number < hook->inputs) exray_log_input(x, frame, (uint32_t)number, &tensor);
        else exray_log_output(x, frame, (uint32_t)(number - hook->inputs), &tensor);
    }
    hook->UnlockTensorBuffer(buffer);
}

void exray_log_litert(exray_capture *x, exray_frame frame, const exray_litert *hook,
                      struct LiteRtTensorBufferT *const *inputs, struct LiteRtTensorBufferT *const *outputs) {
    if (!hook || !log_wanted(x, frame)) return;
    for (size_t i = 0; i < hook->inputs; i++) log_buffer(x, frame, hook, i, inputs[i]);
    for (size_t i = 0; i < hook->outputs; i++) log_buffer(x, frame, hook, hook->inputs + i, outputs[i]);
}
