#include "../include/exray_tflite.h"

#include <dlfcn.h>

#include "log.h"

// Names, values and layouts follow tensorflow/lite/core/c/c_api.h and c_api_types.h.
typedef struct TfLiteInterpreter Interpreter;
typedef struct TfLiteTensor Tensor;
typedef struct {
    float scale;
    int32_t zero_point;
} Quantization;

#define FUNCTIONS(X)                                                     \
    X(int32_t, InterpreterGetInputTensorCount, (const Interpreter *))    \
    X(int32_t, InterpreterGetOutputTensorCount, (const Interpreter *))   \
    X(Tensor *, InterpreterGetInputTensor, (const Interpreter *, int32_t))         \
    X(const Tensor *, InterpreterGetOutputTensor, (const Interpreter *, int32_t))  \
    X(int, TensorType, (const Tensor *))                                 \
    X(int32_t, TensorNumDims, (const Tensor *))                          \
    X(int32_t, TensorDim, (const Tensor *, int32_t))                     \
    X(size_t, TensorByteSize, (const Tensor *))                          \
    X(void *, TensorData, (const Tensor *))                              \
    X(const char *, TensorName, (const Tensor *))                        \
    X(Quantization, TensorQuantizationParams, (const Tensor *))

// Not in every build.
#define OPTIONAL(X)                                                      \
    X(const int *, InterpreterInputTensorIndices, (const Interpreter *)) \
    X(const int *, InterpreterOutputTensorIndices, (const Interpreter *))\
    X(Tensor *, InterpreterGetTensor, (const Interpreter *, int))

struct tflite {
#define X(result, name, arguments) result(*name) arguments;
    FUNCTIONS(X)
    OPTIONAL(X)
#undef X
};

static bool bind(struct tflite *rt, void *from) {
#define X(result, name, arguments) *(void **)(void *)&rt->name = dlsym(from, "TfLite" #name);
    FUNCTIONS(X)
    OPTIONAL(X)
#undef X
#define X(result, name, arguments) \
    if (!rt->name) return log_refuse("TfLite" #name " is not there: link TFLite, or give what dlopen gave");
    FUNCTIONS(X)
#undef X
    return true;
}

// The functions of a library, looked up once by each thread; NULL where one is missing.
static const struct tflite *bound(void *library) {
    static _Thread_local struct tflite rt;
    static _Thread_local void *of;
    static _Thread_local bool whole;
    if (!whole || of != library) {
        of = library;
        whole = bind(&rt, library ? library : RTLD_DEFAULT);
    }
    return whole ? &rt : NULL;
}

// TfLiteType; 0: captures have no word for it.
static exray_type type_of(int type) {
    static const exray_type TYPES[] = {
        [1] = EXRAY_FLOAT32, [2] = EXRAY_INT32,   [3] = EXRAY_UINT8,   [4] = EXRAY_INT64,   [6] = EXRAY_BOOL,
        [7] = EXRAY_INT16,   [9] = EXRAY_INT8,    [10] = EXRAY_FLOAT16, [11] = EXRAY_FLOAT64, [13] = EXRAY_UINT64,
        [16] = EXRAY_UINT32, [17] = EXRAY_UINT16, [19] = EXRAY_BFLOAT16,
    };
    return type >= 0 && (size_t)type < sizeof TYPES / sizeof *TYPES ? TYPES[type] : (exray_type)0;
}

// False of what is not there, or what captures have no word for.
static bool describe(const struct tflite *rt, const Tensor *from, int32_t index, exray_tensor *tensor) {
    if (!from) return false;
    int32_t rank = rt->TensorNumDims(from);
    if (rank < 0 || rank > EXRAY_MAX_RANK) return false;
    Quantization quantization = rt->TensorQuantizationParams(from);
    *tensor = (exray_tensor){
        .name = rt->TensorName(from),
        .type = type_of(rt->TensorType(from)),
        .rank = (uint32_t)rank,
        .scale = quantization.scale,
        .zero_point = quantization.zero_point,
        .index = index,
        .data = rt->TensorData(from),
    };
    for (int32_t i = 0; i < rank; i++) tensor->shape[i] = rt->TensorDim(from, i);
    return log_tensor_size(tensor) == rt->TensorByteSize(from);
}

int exray_log_tflite(exray_capture *x, exray_frame frame, void *library, const struct TfLiteInterpreter *interpreter) {
    if (!log_wanted(x, frame)) return 0;
    const struct tflite *rt = bound(library);
    if (!rt) return -1;
    exray_tensor tensor;
    const int *inputs = rt->InterpreterInputTensorIndices ? rt->InterpreterInputTensorIndices(interpreter) : NULL;
    const int *outputs = rt->InterpreterOutputTensorIndices ? rt->InterpreterOutputTensorIndices(interpreter) : NULL;
    for (int32_t i = 0; i < rt->InterpreterGetInputTensorCount(interpreter); i++) {
        const Tensor *from = rt->InterpreterGetInputTensor(interpreter, i);
        if (describe(rt, from, inputs ? inputs[i] : -1, &tensor)) exray_log_input(x, frame, (uint32_t)i, &tensor);
    }
    for (int32_t i = 0; i < rt->InterpreterGetOutputTensorCount(interpreter); i++) {
        const Tensor *from = rt->InterpreterGetOutputTensor(interpreter, i);
        if (describe(rt, from, outputs ? outputs[i] : -1, &tensor)) exray_log_output(x, frame, (uint32_t)i, &tensor);
    }
    return 0;
}

int exray_log_tflite_layers(exray_capture *x, exray_frame frame, void *library,
                            const struct TfLiteInterpreter *interpreter, const int32_t *indices, size_t n) {
    if (!log_wanted(x, frame)) return 0;
    const struct tflite *rt = bound(library);
    if (!rt) return -1;
    if (!rt->InterpreterGetTensor) return log_refuse("this TFLite has no TfLiteInterpreterGetTensor"), -1;
    exray_tensor tensor;
    for (size_t i = 0; i < n; i++) {
        if (describe(rt, rt->InterpreterGetTensor(interpreter, indices[i]), indices[i], &tensor)) {
            exray_log_layer(x, frame, &tensor);
        }
    }
    return 0;
}
