// exray for an interpreter of TFLite's C API (libtensorflowlite_c, libtensorflowlite_jni): what it was given, what it
// answered, and what its layers computed.
//
//     exray_inference_start(x, f);
//     TfLiteInterpreterInvoke(interpreter);
//     exray_inference_stop(x, f);
//     exray_log_tflite(x, f, NULL, interpreter);
//
// None of TFLite's headers is needed here, and libexray is not linked with it.
#ifndef EXRAY_TFLITE_H
#define EXRAY_TFLITE_H

#include "exray.h"

#ifdef __cplusplus
extern "C" {
#endif

struct TfLiteInterpreter;

// Logs all inputs and outputs. `library` is what dlopen gave, and stays open; NULL where the app is linked with TFLite.
// Returns 0, or -1 where the library lacks a function of TFLite's C API; exray_error tells which.
EXRAY_API int exray_log_tflite(exray_capture *x, exray_frame frame, void *library,
                               const struct TfLiteInterpreter *interpreter);
// Logs what `n` layers computed, by the indices of their tensors in the model's graph. Needs an interpreter made with
// TfLiteInterpreterOptionsSetPreserveAllTensors: elsewhere memory is shared, and later layers have written over it.
EXRAY_API int exray_log_tflite_layers(exray_capture *x, exray_frame frame, void *library,
                                      const struct TfLiteInterpreter *interpreter, const int32_t *indices, size_t n);

#ifdef __cplusplus
}
#endif
#endif
