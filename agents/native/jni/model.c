#include "model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/log.h"

enum { MAX_PORTS = 4096 };

static bool refuse(struct model_error *error, LiteRtStatus status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool refuse(struct model_error *error, LiteRtStatus status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    error->status = status;
    return false;
}

// Goes on while LiteRT says ok.
#define TRY(call, ...)                                                      \
    do {                                                                    \
        LiteRtStatus tried = (call);                                        \
        if (tried != LITERT_OK) return refuse(error, tried, __VA_ARGS__);   \
    } while (0)

static bool load(struct model *m, const char *path, struct model_error *error) {
    struct litert_probe probe;
    litert_bind(&m->rt, path, &probe);
    if (probe.error[0]) return refuse(error, 0, "the runtime %s cannot be loaded: %s", path, probe.error);
    if (probe.missing_count == LITERT_FUNCTION_COUNT) return refuse(error, 0, "%s is no LiteRT", path);
    if (probe.too_old) return refuse(error, 0, "the runtime %s is older than LiteRT 2.1.6", path);
    return probe.missing_count == 0 || refuse(error, 0, "the runtime %s lacks %s", path, probe.missing[0]);
}

static bool compile(struct model *m, const char *path, unsigned threads, struct model_error *error) {
    const struct litert *rt = &m->rt;
    const LiteRtEnvOption options[] = {
        {LITERT_ENV_MIN_LOGGER_SEVERITY, {LITERT_ANY_INT, {.int_value = LITERT_SEVERITY_ERROR}}},
        // Looking for others takes time and opens drivers.
        {LITERT_ENV_AUTO_REGISTER_ACCELERATORS, {LITERT_ANY_INT, {.int_value = LITERT_ACCELERATOR_CPU}}},
    };
    TRY(rt->CreateEnvironment(2, options, &m->environment), "LiteRT does not start");
    TRY(rt->CreateModelFromFile(m->environment, path, &m->model), "the model %s cannot be read", path);
    TRY(rt->CreateOptions(&m->options), "LiteRT makes no options");
    TRY(rt->SetOptionsHardwareAccelerators(m->options, LITERT_ACCELERATOR_CPU), "LiteRT has no CPU");
    char toml[32];
    snprintf(toml, sizeof toml, "num_threads = %u\n", threads);
    char *payload = strdup(toml);
    if (!payload) return refuse(error, 0, "no memory for the options");
    LiteRtOpaqueOptions how;
    TRY(rt->CreateOpaqueOptions("xnnpack", payload, free, &how), "LiteRT takes no options");
    TRY(rt->AddOpaqueOptions(m->options, how), "LiteRT does not run on %u threads", threads);
    TRY(rt->CreateCompiledModel(m->environment, m->model, m->options, &m->compiled), "%s cannot be compiled", path);
    return true;
}

static bool describe(struct model *m, LiteRtSignature signature, size_t i, struct model_error *error) {
    const struct litert *rt = &m->rt;
    struct port *port = &m->ports[i];
    LiteRtTensor tensor;
    TRY(i < m->inputs ? rt->GetSignatureInputTensorByIndex(signature, i, &tensor)
                      : rt->GetSignatureOutputTensorByIndex(signature, i - m->inputs, &tensor),
        "tensor %zu cannot be read", i);
    LiteRtRankedTensorType type;
    TRY(rt->GetTensorName(tensor, &port->name), "the name of tensor %zu cannot be read", i);
    TRY(rt->GetRankedTensorType(tensor, &type), "the type of tensor %s cannot be read", port->name);
    port->element = type.element_type;
    port->type = log_litert_type(port->element);
    if (!port->type) return refuse(error, 0, "tensor %s is of LiteRT type %d", port->name, port->element);
    uint32_t index;
    port->index = rt->GetTensorIndex(tensor, &index) == LITERT_OK ? (int32_t)index : -1;
    int kind;
    bool quantized = rt->GetQuantizationTypeId(tensor, &kind) == LITERT_OK && kind == LITERT_QUANTIZATION_PER_TENSOR;
    if (quantized) TRY(rt->GetPerTensorQuantization(tensor, &port->quantization), "the scale of %s", port->name);
    return true;
}

static bool describe_all(struct model *m, struct model_error *error) {
    const struct litert *rt = &m->rt;
    LiteRtSignature signature;
    TRY(rt->GetModelSignature(m->model, 0, &signature), "the model has no signature");
    TRY(rt->GetNumSignatureInputs(signature, &m->inputs), "the inputs cannot be counted");
    TRY(rt->GetNumSignatureOutputs(signature, &m->outputs), "the outputs cannot be counted");
    size_t n = m->inputs + m->outputs;
    if (m->inputs == 0 || m->outputs == 0 || n > MAX_PORTS) {
        return refuse(error, 0, "the model has %zu inputs and %zu outputs", m->inputs, m->outputs);
    }
    m->ports = calloc(n, sizeof *m->ports);
    m->buffers = calloc(n, sizeof(LiteRtTensorBuffer));
    if (!m->ports || !m->buffers) return refuse(error, 0, "no memory for %zu tensors", n);
    for (size_t i = 0; i < n; i++) {
        if (!describe(m, signature, i, error)) return false;
    }
    return true;
}

static bool take_shape(struct port *port, const LiteRtLayout *layout) {
    port->rank = layout->rank;
    if (port->rank > LITERT_MAX_RANK) return false;
    memcpy(port->shape, layout->dimensions, sizeof port->shape);
    for (uint32_t i = 0; i < port->rank; i++) {
        if (port->shape[i] < 0) return false;
    }
    return true;
}

// Exporters leave the batch open: it is 1.
static bool fix_shapes(struct model *m, struct model_error *error) {
    const struct litert *rt = &m->rt;
    LiteRtLayout layout;
    for (size_t i = 0; i < m->inputs; i++) {
        struct port *port = &m->ports[i];
        TRY(rt->GetCompiledModelInputTensorLayout(m->compiled, 0, i, &layout), "the shape of %s", port->name);
        if (take_shape(port, &layout)) continue;
        if (layout.rank > 0 && layout.dimensions[0] < 0) layout.dimensions[0] = 1;
        if (!take_shape(port, &layout)) return refuse(error, 0, "of input %s more than the batch is open", port->name);
        TRY(rt->CompiledModelResizeInputTensor(m->compiled, 0, i, port->shape, port->rank), "input %s has no batch",
            port->name);
    }
    LiteRtLayout *layouts = calloc(m->outputs, sizeof *layouts);
    if (!layouts) return refuse(error, 0, "no memory for %zu shapes", m->outputs);
    LiteRtStatus status = rt->GetCompiledModelOutputTensorLayouts(m->compiled, 0, m->outputs, layouts, true);
    bool taken = status == LITERT_OK || refuse(error, status, "the outputs' shapes cannot be read");
    for (size_t i = 0; taken && i < m->outputs; i++) {
        struct port *port = &m->ports[m->inputs + i];
        taken = take_shape(port, &layouts[i]) || refuse(error, 0, "the shape of output %s is open", port->name);
    }
    free(layouts);
    return taken;
}

static bool make_buffers(struct model *m, struct model_error *error) {
    const struct litert *rt = &m->rt;
    for (size_t i = 0; i < m->inputs + m->outputs; i++) {
        struct port *port = &m->ports[i];
        LiteRtTensorBufferRequirements needs;
        TRY(i < m->inputs ? rt->GetCompiledModelInputBufferRequirements(m->compiled, 0, i, &needs)
                          : rt->GetCompiledModelOutputBufferRequirements(m->compiled, 0, i - m->inputs, &needs),
            "what the buffer of %s needs", port->name);
        LiteRtRankedTensorType type = {.element_type = port->element, .layout = {.rank = port->rank & 0x7F}};
        memcpy(type.layout.dimensions, port->shape, sizeof port->shape);
        TRY(rt->CreateManagedTensorBufferFromRequirements(m->environment, &type, needs, &port->buffer),
            "no buffer for %s", port->name);
        m->buffers[i] = port->buffer;
        TRY(rt->GetTensorBufferPackedSize(port->buffer, &port->size), "the size of %s", port->name);
        if (port->size > INT32_MAX) return refuse(error, 0, "%s has %zu bytes", port->name, port->size);
    }
    return true;
}

struct model *model_open(const char *path, const char *runtime, unsigned threads, struct model_error *error) {
    struct model *m = calloc(1, sizeof *m);
    if (!m) {
        refuse(error, 0, "no memory");
        return NULL;
    }
    if (load(m, runtime, error) && compile(m, path, threads, error) && describe_all(m, error) &&
        fix_shapes(m, error) && make_buffers(m, error)) {
        return m;
    }
    model_close(m);
    return NULL;
}

// The runtime stays loaded: its threads may still be at work.
void model_close(struct model *m) {
    const struct litert *rt = &m->rt;
    for (size_t i = 0; m->buffers && i < m->inputs + m->outputs; i++) {
        if (m->buffers[i]) rt->DestroyTensorBuffer(m->buffers[i]);
    }
    if (m->compiled) rt->DestroyCompiledModel(m->compiled);
    if (m->options) rt->DestroyOptions(m->options);
    if (m->model) rt->DestroyModel(m->model);
    if (m->environment) rt->DestroyEnvironment(m->environment);
    free(m->buffers);
    free(m->ports);
    free(m);
}

LiteRtStatus model_write(struct model *m, size_t port, const void *from) {
    void *at;
    LiteRtStatus status = m->rt.LockTensorBuffer(m->ports[port].buffer, &at, LITERT_LOCK_WRITE);
    if (status != LITERT_OK) return status;
    memcpy(at, from, m->ports[port].size);
    return m->rt.UnlockTensorBuffer(m->ports[port].buffer);
}

LiteRtStatus model_read(struct model *m, size_t port, void *to) {
    void *at;
    LiteRtStatus status = m->rt.LockTensorBuffer(m->ports[port].buffer, &at, LITERT_LOCK_READ);
    if (status != LITERT_OK) return status;
    memcpy(to, at, m->ports[port].size);
    return m->rt.UnlockTensorBuffer(m->ports[port].buffer);
}

LiteRtStatus model_run(struct model *m) {
    return m->rt.RunCompiledModel(m->compiled, 0, m->inputs, m->buffers, m->outputs, m->buffers + m->inputs);
}
