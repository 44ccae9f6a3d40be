#include "session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accelerator.h"
#include "compile.h"
#include "diagnosis.h"
#include "model_file.h"

enum { MAX_TENSORS = 100000 };

void tensor_shape_text(const struct tensor *tensor, char *out, size_t size) {
    size_t used = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i <= tensor->rank && used < size; i++) {
        int n = i < tensor->rank ? snprintf(out + used, size - used, "%s%" PRId32, i ? ", " : "[", tensor->shape[i])
                                 : snprintf(out + used, size - used, "%s]", i ? "" : "[");
        if (n < 0) return;
        used += (size_t)n;
    }
}

static void check(const struct session *s, LiteRtStatus status, const char *doing) {
    if (status == LITERT_ERROR_MEMORY_ALLOCATION) fail_memory(doing);
    if (status != LITERT_OK) {
        diagnosis_fail(ERROR_MODEL_UNSUPPORTED, s->model_path, "%s failed with LiteRT status %d", doing, status);
    }
}

static void open_model(struct session *s) {
    model_file_check(s->model_path);
    crash_stage("reading the model");
    LiteRtStatus status = s->rt->CreateModelFromFile(s->environment, s->model_path, &s->model);
    crash_stage(NULL);
    if (status == LITERT_ERROR_MEMORY_ALLOCATION) fail_memory("the model");
    if (status != LITERT_OK) {
        diagnosis_fail(ERROR_MODEL_UNREADABLE, s->model_path, "the runtime cannot read the model (LiteRT status %d)",
                       status);
    }
}

// A tensor's constants as the model's file has them; shape and size follow once the model is compiled.
static void describe(const struct session *s, LiteRtTensor handle, struct tensor *tensor) {
    const struct litert *rt = s->rt;
    LiteRtRankedTensorType type;
    check(s, rt->GetRankedTensorType(handle, &type), "reading a tensor's type");
    tensor->type = type.element_type;
    check(s, rt->GetTensorName(handle, &tensor->name), "reading a tensor's name");
    uint32_t index;
    tensor->index = rt->GetTensorIndex(handle, &index) == LITERT_OK ? (int32_t)index : -1;
    int quantization;
    tensor->quantized = rt->GetQuantizationTypeId(handle, &quantization) == LITERT_OK &&
                        quantization == LITERT_QUANTIZATION_PER_TENSOR &&
                        rt->GetPerTensorQuantization(handle, &tensor->quantization) == LITERT_OK;
}

static void *allocate(size_t n, size_t size) {
    void *memory = calloc(n ? n : 1, size);
    if (!memory) fail_memory("the model's tensors");
    return memory;
}

static void describe_all(struct session *s) {
    const struct litert *rt = s->rt;
    size_t signatures = 0;
    check(s, rt->GetNumModelSignatures(s->model, &signatures), "reading the signatures");
    if (signatures == 0) fail(ERROR_MODEL_UNSUPPORTED, s->model_path, "the model has no signature");
    LiteRtSignature signature;
    check(s, rt->GetModelSignature(s->model, 0, &signature), "reading the signature");
    check(s, rt->GetNumSignatureInputs(signature, &s->input_count), "counting the inputs");
    check(s, rt->GetNumSignatureOutputs(signature, &s->output_count), "counting the outputs");
    if (s->input_count == 0 || s->output_count == 0 || s->input_count > MAX_TENSORS || s->output_count > MAX_TENSORS) {
        fail(ERROR_MODEL_UNSUPPORTED, s->model_path, "the model has %zu inputs and %zu outputs", s->input_count,
             s->output_count);
    }
    s->inputs = allocate(s->input_count, sizeof *s->inputs);
    s->outputs = allocate(s->output_count, sizeof *s->outputs);
    s->input_buffers = allocate(s->input_count, sizeof *s->input_buffers);
    s->output_buffers = allocate(s->output_count, sizeof *s->output_buffers);
    LiteRtTensor handle;
    for (size_t i = 0; i < s->input_count; i++) {
        s->inputs[i] = (struct tensor){.is_input = true, .position = (uint32_t)i};
        check(s, rt->GetSignatureInputTensorByIndex(signature, i, &handle), "reading an input");
        describe(s, handle, &s->inputs[i]);
    }
    for (size_t i = 0; i < s->output_count; i++) {
        s->outputs[i] = (struct tensor){.position = (uint32_t)i};
        check(s, rt->GetSignatureOutputTensorByIndex(signature, i, &handle), "reading an output");
        describe(s, handle, &s->outputs[i]);
    }
}

static void take_shape(const struct session *s, struct tensor *tensor, const LiteRtLayout *layout) {
    tensor->rank = layout->rank;
    if (tensor->rank > LITERT_MAX_RANK) {
        fail(ERROR_MODEL_UNSUPPORTED, s->model_path, "tensor %s has %u dimensions", tensor->name, tensor->rank);
    }
    memcpy(tensor->shape, layout->dimensions, sizeof tensor->shape);
}

static bool is_static(const struct tensor *tensor) {
    for (uint32_t i = 0; i < tensor->rank; i++) {
        if (tensor->shape[i] < 0) return false;
    }
    return true;
}

// Exporters leave the batch open (-1); the agent plays one frame at a time.
static void fix_batches(struct session *s) {
    const struct litert *rt = s->rt;
    LiteRtLayout layout;
    for (size_t i = 0; i < s->input_count; i++) {
        struct tensor *input = &s->inputs[i];
        check(s, rt->GetCompiledModelInputTensorLayout(s->compiled, 0, i, &layout), "reading an input's shape");
        take_shape(s, input, &layout);
        char shape[128];
        tensor_shape_text(input, shape, sizeof shape);
        if (is_static(input)) continue;
        input->shape[0] = input->shape[0] < 0 ? 1 : input->shape[0];
        if (!is_static(input)) {
            fail(ERROR_INPUT_SHAPE, input->name, "input %zu has the shape %s: only its batch may be open", i, shape);
        }
        if (rt->CompiledModelResizeInputTensor(s->compiled, 0, i, input->shape, input->rank) != LITERT_OK) {
            diagnosis_fail(ERROR_INPUT_SHAPE, input->name,
                           "input %zu has the shape %s and cannot be resized to a batch of 1", i, shape);
        }
    }
}

static LiteRtTensorBuffer make_buffer(struct session *s, struct tensor *tensor, size_t i) {
    const struct litert *rt = s->rt;
    LiteRtTensorBufferRequirements requirements;
    check(s,
          tensor->is_input ? rt->GetCompiledModelInputBufferRequirements(s->compiled, 0, i, &requirements)
                           : rt->GetCompiledModelOutputBufferRequirements(s->compiled, 0, i, &requirements),
          "reading a buffer's requirements");
    LiteRtRankedTensorType type = {.element_type = tensor->type, .layout = {.rank = tensor->rank & 0x7F}};
    memcpy(type.layout.dimensions, tensor->shape, sizeof tensor->shape);
    LiteRtTensorBuffer buffer;
    LiteRtStatus status = rt->CreateManagedTensorBufferFromRequirements(s->environment, &type, requirements, &buffer);
    if (status == LITERT_ERROR_MEMORY_ALLOCATION) fail_memory("a tensor's buffer");
    if (status != LITERT_OK) {
        char shape[128];
        tensor_shape_text(tensor, shape, sizeof shape);
        diagnosis_fail(ERROR_MODEL_UNSUPPORTED, tensor->name,
                       "no buffer for a tensor of LiteRT type %" PRId32 " and shape %s (LiteRT status %d)",
                       tensor->type, shape, status);
    }
    check(s, rt->GetTensorBufferPackedSize(buffer, &tensor->size), "reading a buffer's size");
    return buffer;
}

static void make_buffers(struct session *s) {
    LiteRtLayout *layouts = allocate(s->output_count, sizeof *layouts);
    check(s, s->rt->GetCompiledModelOutputTensorLayouts(s->compiled, 0, s->output_count, layouts, true),
          "reading the outputs' shapes");
    for (size_t i = 0; i < s->output_count; i++) {
        struct tensor *output = &s->outputs[i];
        take_shape(s, output, &layouts[i]);
        if (!is_static(output)) {
            char shape[128];
            tensor_shape_text(output, shape, sizeof shape);
            fail(ERROR_MODEL_UNSUPPORTED, output->name, "output %zu has the shape %s, known only while running", i,
                 shape);
        }
        s->output_buffers[i] = make_buffer(s, output, i);
    }
    free(layouts);
    for (size_t i = 0; i < s->input_count; i++) s->input_buffers[i] = make_buffer(s, &s->inputs[i], i);
}

void session_open(struct session *s, const struct litert *rt, const char *path, struct session_options options) {
    *s = (struct session){.rt = rt, .model_path = path};
    diagnosis_begin();
    accelerator_open(s, options);
    open_model(s);
    crash_stage("describing the model");
    describe_all(s);
    compile(s, options);
    crash_stage("allocating the model's tensors");
    fix_batches(s);
    make_buffers(s);
    if (options.profile && (rt->CompiledModelGetProfiler(s->compiled, &s->profiler) != LITERT_OK || !s->profiler)) {
        fail(ERROR_RUNTIME_FAILED, "", "the runtime has no profiler");
    }
    check(s, rt->CompiledModelIsFullyAccelerated(s->compiled, &s->fully_accelerated), "asking what was delegated");
    accelerator_check(s, options);
    crash_stage(NULL);
    diagnosis_end();
}

static LiteRtStatus invoke(struct session *s) {
    return s->rt->RunCompiledModel(s->compiled, 0, s->input_count, s->input_buffers, s->output_count,
                                   s->output_buffers);
}

void session_run(struct session *s) {
    LiteRtStatus status = invoke(s);
    if (status == LITERT_OK) return;
    if (status == LITERT_ERROR_MEMORY_ALLOCATION) fail_memory("running the model");
    // Once more, to hear why.
    diagnosis_begin();
    invoke(s);
    diagnosis_fail(ERROR_INVOKE_FAILED, s->model_path, "LiteRtRunCompiledModel failed with status %d", status);
}

void *session_lock(struct session *s, LiteRtTensorBuffer buffer, bool write) {
    void *memory = NULL;
    LiteRtStatus status = s->rt->LockTensorBuffer(buffer, &memory, write ? LITERT_LOCK_WRITE : LITERT_LOCK_READ);
    if (status != LITERT_OK || !memory) {
        fail(ERROR_INVOKE_FAILED, s->model_path, "LiteRtLockTensorBuffer failed with status %d", status);
    }
    return memory;
}

void session_unlock(struct session *s, LiteRtTensorBuffer buffer) { s->rt->UnlockTensorBuffer(buffer); }

void session_close(struct session *s) {
    for (size_t i = 0; i < s->input_count; i++) s->rt->DestroyTensorBuffer(s->input_buffers[i]);
    for (size_t i = 0; i < s->output_count; i++) s->rt->DestroyTensorBuffer(s->output_buffers[i]);
    free(s->inputs);
    free(s->outputs);
    free(s->input_buffers);
    free(s->output_buffers);
    s->rt->DestroyCompiledModel(s->compiled);
    s->rt->DestroyOptions(s->options);
    s->rt->DestroyModel(s->model);
    s->rt->DestroyEnvironment(s->environment);
    *s = (struct session){0};
}
