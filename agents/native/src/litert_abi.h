// The part of LiteRT's C ABI (2.1.6 to 2.3.0) the agent uses. Names, values and layouts follow litert/c/*.h of
// google-ai-edge/LiteRT; no header comes with the libraries themselves.
#ifndef EXRAY_LITERT_ABI_H
#define EXRAY_LITERT_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int LiteRtStatus;  // 0 is ok
enum {
    LITERT_OK = 0,
    LITERT_ERROR_MEMORY_ALLOCATION = 2,
    LITERT_ERROR_FILE_IO = 500,
    LITERT_ERROR_INVALID_FLATBUFFER = 501,
    LITERT_ERROR_COMPILATION = 504,
};

#define LITERT_HANDLE(name) typedef struct name##T *name
LITERT_HANDLE(LiteRtAccelerator);
LITERT_HANDLE(LiteRtEnvironment);
LITERT_HANDLE(LiteRtModel);
LITERT_HANDLE(LiteRtOptions);
LITERT_HANDLE(LiteRtOpaqueOptions);
LITERT_HANDLE(LiteRtCompiledModel);
LITERT_HANDLE(LiteRtProfiler);
LITERT_HANDLE(LiteRtSignature);
LITERT_HANDLE(LiteRtTensor);
LITERT_HANDLE(LiteRtTensorBuffer);
LITERT_HANDLE(LiteRtTensorBufferRequirements);

enum litert_accelerator { LITERT_ACCELERATOR_CPU = 1, LITERT_ACCELERATOR_GPU = 2, LITERT_ACCELERATOR_NPU = 4 };
enum { LITERT_LOCK_READ = 0, LITERT_LOCK_WRITE = 1 };
enum { LITERT_SEVERITY_ERROR = 3 };
enum { LITERT_QUANTIZATION_PER_TENSOR = 1 };

enum {  // profiler event types
    LITERT_EVENT_OP = 2,
    LITERT_EVENT_DELEGATE_OP = 4,
    LITERT_EVENT_DELEGATE_PROFILED_OP = 8,
};

enum {  // element types, those the agent knows
    LITERT_FLOAT32 = 1,
    LITERT_INT32 = 2,
    LITERT_UINT8 = 3,
    LITERT_INT64 = 4,
    LITERT_BOOL = 6,
    LITERT_INT16 = 7,
    LITERT_INT8 = 9,
    LITERT_FLOAT16 = 10,
    LITERT_FLOAT64 = 11,
    LITERT_UINT64 = 13,
    LITERT_UINT32 = 16,
    LITERT_UINT16 = 17,
    LITERT_INT4 = 18,
    LITERT_BFLOAT16 = 19,
};

enum { LITERT_MAX_RANK = 8 };

typedef struct {
    unsigned rank : 7;
    unsigned has_strides : 1;
    int32_t dimensions[LITERT_MAX_RANK];  // negative: dynamic
    uint32_t strides[LITERT_MAX_RANK];
} LiteRtLayout;

typedef struct {
    int32_t element_type;
    LiteRtLayout layout;
} LiteRtRankedTensorType;

typedef struct {
    float scale;
    int64_t zero_point;
} LiteRtQuantizationPerTensor;

enum { LITERT_ANY_INT = 2, LITERT_ANY_STRING = 8 };
typedef struct {
    int32_t type;
    union {
        bool bool_value;
        int64_t int_value;
        double real_value;
        const char *string_value;
        const void *pointer_value;
    };
} LiteRtAny;

enum {  // environment options
    LITERT_ENV_DISPATCH_LIBRARY_DIR = 1,  // where an NPU's driver is looked for
    LITERT_ENV_RUNTIME_LIBRARY_DIR = 22,  // where the GPU's is
    LITERT_ENV_AUTO_REGISTER_ACCELERATORS = 24,
    LITERT_ENV_MIN_LOGGER_SEVERITY = 25,
};
typedef struct {
    int32_t tag;
    LiteRtAny value;
} LiteRtEnvOption;

typedef struct {
    const char *tag;
    int32_t event_type;
    uint64_t start_us;
    uint64_t duration_us;
    size_t memory_before[3];
    size_t memory_after[3];
    uint64_t metadata1;  // node index of an op, the delegate's own index inside a delegate
    uint64_t metadata2;
    int32_t source;
} LiteRtProfilerEvent;

_Static_assert(sizeof(void *) == 8, "64-bit only");
_Static_assert(sizeof(LiteRtLayout) == 68, "LiteRtLayout");
_Static_assert(sizeof(LiteRtRankedTensorType) == 72, "LiteRtRankedTensorType");
_Static_assert(sizeof(LiteRtQuantizationPerTensor) == 16, "LiteRtQuantizationPerTensor");
_Static_assert(sizeof(LiteRtEnvOption) == 24, "LiteRtEnvOption");
_Static_assert(sizeof(LiteRtProfilerEvent) == 104, "ProfiledEventData");

// X(return type, name, arguments). Every function is resolved under "LiteRt" + name.
#define LITERT_FUNCTIONS(X)                                                                                          \
    X(LiteRtStatus, CreateEnvironment, (int, const LiteRtEnvOption *, LiteRtEnvironment *))                          \
    X(void, DestroyEnvironment, (LiteRtEnvironment))                                                                 \
    X(LiteRtStatus, GetNumAccelerators, (LiteRtEnvironment, size_t *))                                               \
    X(LiteRtStatus, GetAccelerator, (LiteRtEnvironment, size_t, LiteRtAccelerator *))                                \
    X(LiteRtStatus, GetAcceleratorHardwareSupport, (LiteRtAccelerator, int *))                                       \
    X(LiteRtStatus, CreateModelFromFile, (LiteRtEnvironment, const char *, LiteRtModel *))                           \
    X(void, DestroyModel, (LiteRtModel))                                                                             \
    X(LiteRtStatus, CreateOptions, (LiteRtOptions *))                                                                \
    X(void, DestroyOptions, (LiteRtOptions))                                                                         \
    X(LiteRtStatus, SetOptionsHardwareAccelerators, (LiteRtOptions, int))                                            \
    X(LiteRtStatus, CreateOpaqueOptions, (const char *, void *, void (*)(void *), LiteRtOpaqueOptions *))            \
    X(LiteRtStatus, AddOpaqueOptions, (LiteRtOptions, LiteRtOpaqueOptions))                                          \
    X(LiteRtStatus, CreateCompiledModel, (LiteRtEnvironment, LiteRtModel, LiteRtOptions, LiteRtCompiledModel *))     \
    X(void, DestroyCompiledModel, (LiteRtCompiledModel))                                                             \
    X(LiteRtStatus, CompiledModelIsFullyAccelerated, (LiteRtCompiledModel, bool *))                                  \
    X(LiteRtStatus, CompiledModelGetProfiler, (LiteRtCompiledModel, LiteRtProfiler *))                               \
    X(LiteRtStatus, StartProfiler, (LiteRtProfiler))                                                                 \
    X(LiteRtStatus, StopProfiler, (LiteRtProfiler))                                                                  \
    X(LiteRtStatus, GetNumProfilerEvents, (LiteRtProfiler, int *))                                                   \
    X(LiteRtStatus, GetProfilerEvents, (LiteRtProfiler, int, LiteRtProfilerEvent *))                                 \
    X(LiteRtStatus, GetNumModelSignatures, (LiteRtModel, size_t *))                                                  \
    X(LiteRtStatus, GetModelSignature, (LiteRtModel, size_t, LiteRtSignature *))                                     \
    X(LiteRtStatus, GetNumSignatureInputs, (LiteRtSignature, size_t *))                                              \
    X(LiteRtStatus, GetNumSignatureOutputs, (LiteRtSignature, size_t *))                                             \
    X(LiteRtStatus, GetSignatureInputTensorByIndex, (LiteRtSignature, size_t, LiteRtTensor *))                       \
    X(LiteRtStatus, GetSignatureOutputTensorByIndex, (LiteRtSignature, size_t, LiteRtTensor *))                      \
    X(LiteRtStatus, GetTensorName, (LiteRtTensor, const char **))                                                    \
    X(LiteRtStatus, GetTensorIndex, (LiteRtTensor, uint32_t *))                                                      \
    X(LiteRtStatus, GetRankedTensorType, (LiteRtTensor, LiteRtRankedTensorType *))                                   \
    X(LiteRtStatus, GetQuantizationTypeId, (LiteRtTensor, int *))                                                    \
    X(LiteRtStatus, GetPerTensorQuantization, (LiteRtTensor, LiteRtQuantizationPerTensor *))                         \
    X(LiteRtStatus, CompiledModelResizeInputTensor, (LiteRtCompiledModel, size_t, size_t, const int *, size_t))      \
    X(LiteRtStatus, GetCompiledModelInputTensorLayout, (LiteRtCompiledModel, size_t, size_t, LiteRtLayout *))        \
    X(LiteRtStatus, GetCompiledModelOutputTensorLayouts, (LiteRtCompiledModel, size_t, size_t, LiteRtLayout *, bool))\
    X(LiteRtStatus, GetCompiledModelInputBufferRequirements,                                                         \
      (LiteRtCompiledModel, size_t, size_t, LiteRtTensorBufferRequirements *))                                       \
    X(LiteRtStatus, GetCompiledModelOutputBufferRequirements,                                                        \
      (LiteRtCompiledModel, size_t, size_t, LiteRtTensorBufferRequirements *))                                       \
    X(LiteRtStatus, CreateManagedTensorBufferFromRequirements,                                                       \
      (LiteRtEnvironment, const LiteRtRankedTensorType *, LiteRtTensorBufferRequirements, LiteRtTensorBuffer *))     \
    X(LiteRtStatus, GetTensorBufferPackedSize, (LiteRtTensorBuffer, size_t *))                                       \
    X(LiteRtStatus, LockTensorBuffer, (LiteRtTensorBuffer, void **, int))                                            \
    X(LiteRtStatus, UnlockTensorBuffer, (LiteRtTensorBuffer))                                                        \
    X(void, DestroyTensorBuffer, (LiteRtTensorBuffer))                                                               \
    X(LiteRtStatus, RunCompiledModel,                                                                                \
      (LiteRtCompiledModel, size_t, size_t, LiteRtTensorBuffer *, size_t, LiteRtTensorBuffer *))

// LiteRtCreateModelFromFile gained its environment argument in 2.1.6 under the same name, and no version function is
// exported. LiteRtCreateModelFromFd came with 2.1.6: absent from 2.1.5 and before, present in 2.1.6, 2.2.0 and 2.3.0.
#define LITERT_MARKER_2_1_6 "LiteRtCreateModelFromFd"

#endif
