// exray for LiteRT's compiled model: what it was given and what it answered, out of its own buffers.
//
//     exray_litert *hook = exray_litert_open(NULL, model, 0);
//     ...
//     exray_inference_start(x, f);
//     LiteRtRunCompiledModel(compiled, 0, 1, inputs, 1, outputs);
//     exray_inference_stop(x, f);
//     exray_log_litert(x, f, hook, inputs, outputs);
//
// None of LiteRT's headers is needed here, and libexray is not linked with it.
#ifndef EXRAY_LITERT_H
#define EXRAY_LITERT_H

#include "exray.h"

#ifdef __cplusplus
extern "C" {
#endif

// What LiteRT's LiteRtModel and LiteRtTensorBuffer point to.
struct LiteRtModelT;
struct LiteRtTensorBufferT;

typedef struct exray_litert exray_litert;

// Reads a signature once: names, indices, scales. `library` is what dlopen gave, NULL where the app is linked with
// LiteRT. NULL where that is no LiteRT of 2.1.6 or later, or the model has no such signature; exray_error tells.
EXRAY_API exray_litert *exray_litert_open(void *library, struct LiteRtModelT *model, size_t signature);
EXRAY_API void exray_litert_close(exray_litert *hook);
// Logs all inputs and outputs, in the order of the signature, as LiteRtRunCompiledModel takes them. What captures have
// no word for (strings, 4 bits, strides) is left out. Another processor's buffers are read back, of logged frames only.
EXRAY_API void exray_log_litert(exray_capture *x, exray_frame frame, const exray_litert *hook,
                                struct LiteRtTensorBufferT *const *inputs, struct LiteRtTensorBufferT *const *outputs);

#ifdef __cplusplus
}
#endif
#endif
