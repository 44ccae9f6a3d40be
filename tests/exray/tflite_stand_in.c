// Stands in for TFLite's C API, of which no Linux library comes by package name: two inputs and an output, described as
// its headers say (tensorflow/lite/core/c/c_api.h). Tensor 3 is inside the graph, tensor 1 a string.
#include <stddef.h>
#include <stdint.h>

typedef struct {
    float scale;
    int32_t zero_point;
} Quantization;

typedef struct {
    const char *name;
    int type, rank, sides[4];
    size_t size;
    void *data;
    Quantization quantization;
} Tensor;

static int8_t fed[] = {1, -2, 3, -4, 5, -6};
static float scores[] = {0.25f, 0.75f};
static int16_t inner[] = {-7};
static char words[16];

static Tensor tensors[] = {
    {"fed", 9, 4, {1, 2, 3, 1}, sizeof fed, fed, {0.5f, -3}},
    {"words", 5, 1, {2}, sizeof words, words, {0, 0}},
    {"scores", 1, 2, {1, 2}, sizeof scores, scores, {0, 0}},
    {"inner", 7, 0, {0}, sizeof inner, inner, {0.25f, 0}},
};
static const int inputs[] = {0, 1}, outputs[] = {2};

int32_t TfLiteInterpreterGetInputTensorCount(const void *interpreter) { return interpreter ? 2 : 0; }
int32_t TfLiteInterpreterGetOutputTensorCount(const void *interpreter) { return interpreter ? 1 : 0; }
Tensor *TfLiteInterpreterGetInputTensor(const void *interpreter, int32_t i) { return interpreter ? &tensors[i] : NULL; }
const Tensor *TfLiteInterpreterGetOutputTensor(const void *interpreter, int32_t i) {
    return interpreter ? &tensors[outputs[i]] : NULL;
}
int TfLiteTensorType(const Tensor *tensor) { return tensor->type; }
int32_t TfLiteTensorNumDims(const Tensor *tensor) { return tensor->rank; }
int32_t TfLiteTensorDim(const Tensor *tensor, int32_t i) { return tensor->sides[i]; }
size_t TfLiteTensorByteSize(const Tensor *tensor) { return tensor->size; }
void *TfLiteTensorData(const Tensor *tensor) { return tensor->data; }
const char *TfLiteTensorName(const Tensor *tensor) { return tensor->name; }
Quantization TfLiteTensorQuantizationParams(const Tensor *tensor) { return tensor->quantization; }
#ifndef OLD
const int *TfLiteInterpreterInputTensorIndices(const void *interpreter) { return interpreter ? inputs : NULL; }
const int *TfLiteInterpreterOutputTensorIndices(const void *interpreter) { return interpreter ? outputs : NULL; }
Tensor *TfLiteInterpreterGetTensor(const void *interpreter, int i) {
    return interpreter && i >= 0 && i < 4 ? &tensors[i] : NULL;
}
#endif
