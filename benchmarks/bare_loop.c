// The least that runs a model with LiteRT's C interface: create, fill, run, time. What agent_overhead.py compares the agent with.
// bare_loop LIB MODEL THREADS WARMUP RUNS TENSOR...   (one raw file an input); prints nanoseconds, one a line.
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../agents/native/src/litert_abi.h"

struct litert {
#define X(result, name, arguments) result(*name) arguments;
    LITERT_FUNCTIONS(X)
#undef X
};

static void check(int ok, const char *what) {
    if (ok) return;
    fprintf(stderr, "bare_loop: %s failed\n", what);
    exit(1);
}

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct litert bind(const char *path) {
    struct litert rt;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    check(library != NULL, "dlopen");
#define X(result, name, arguments)                         \
    {                                                      \
        void *address = dlsym(library, "LiteRt" #name);    \
        check(address != NULL, #name);                     \
        memcpy(&rt.name, &address, sizeof address);        \
    }
    LITERT_FUNCTIONS(X)
#undef X
    return rt;
}

int main(int argc, char **argv) {
    check(argc > 6, "usage: bare_loop LIB MODEL THREADS WARMUP RUNS TENSOR...");
    struct litert rt = bind(argv[1]);
    size_t warmup = strtoul(argv[4], NULL, 10), runs = strtoul(argv[5], NULL, 10), inputs = (size_t)argc - 6, outputs;
    uint64_t *times = malloc(runs * sizeof *times);
    check(times != NULL, "malloc");

    const LiteRtEnvOption settings[] = {
        {LITERT_ENV_AUTO_REGISTER_ACCELERATORS, {LITERT_ANY_INT, {.int_value = LITERT_ACCELERATOR_CPU}}},
        {LITERT_ENV_MIN_LOGGER_SEVERITY, {LITERT_ANY_INT, {.int_value = LITERT_SEVERITY_ERROR}}},
    };
    LiteRtEnvironment env;
    check(!rt.CreateEnvironment(2, settings, &env), "CreateEnvironment");
    LiteRtModel model;
    check(!rt.CreateModelFromFile(env, argv[2], &model), "CreateModelFromFile");
    LiteRtOptions options;
    check(!rt.CreateOptions(&options) && !rt.SetOptionsHardwareAccelerators(options, LITERT_ACCELERATOR_CPU), "options");
    char *toml = malloc(128);
    check(toml != NULL, "malloc");
    snprintf(toml, 128, "num_threads = %s\nkernel_mode = \"delegate\"\n", argv[3]);
    LiteRtOpaqueOptions opaque;
    check(!rt.CreateOpaqueOptions("xnnpack", toml, free, &opaque) && !rt.AddOpaqueOptions(options, opaque), "options");
    LiteRtCompiledModel compiled;
    check(!rt.CreateCompiledModel(env, model, options, &compiled), "CreateCompiledModel");

    LiteRtSignature signature;
    check(!rt.GetModelSignature(model, 0, &signature) && !rt.GetNumSignatureOutputs(signature, &outputs), "signature");
    LiteRtTensorBuffer in[16], out[256];
    check(inputs <= 16 && outputs <= 256, "counting the tensors");
    LiteRtLayout layouts[256];
    check(!rt.GetCompiledModelOutputTensorLayouts(compiled, 0, outputs, layouts, true), "output layouts");
    for (size_t i = 0; i < inputs + outputs; i++) {
        size_t at = i < inputs ? i : i - inputs;
        LiteRtTensor tensor;
        LiteRtRankedTensorType type;
        LiteRtTensorBufferRequirements needs;
        if (i < inputs) {
            check(!rt.GetSignatureInputTensorByIndex(signature, at, &tensor) && !rt.GetRankedTensorType(tensor, &type), "input");
            check(!rt.GetCompiledModelInputTensorLayout(compiled, 0, at, &type.layout), "input layout");
            check(!rt.GetCompiledModelInputBufferRequirements(compiled, 0, at, &needs), "input requirements");
        } else {
            check(!rt.GetSignatureOutputTensorByIndex(signature, at, &tensor) && !rt.GetRankedTensorType(tensor, &type), "output");
            type.layout = layouts[at];
            check(!rt.GetCompiledModelOutputBufferRequirements(compiled, 0, at, &needs), "output requirements");
        }
        LiteRtTensorBuffer *buffer = i < inputs ? &in[at] : &out[at];
        check(!rt.CreateManagedTensorBufferFromRequirements(env, &type, needs, buffer), "buffer");
        if (i >= inputs) continue;
        size_t size;
        void *memory;
        FILE *file = fopen(argv[6 + at], "rb");
        check(file != NULL && !rt.GetTensorBufferPackedSize(*buffer, &size), "input file");
        check(!rt.LockTensorBuffer(*buffer, &memory, LITERT_LOCK_WRITE) && fread(memory, 1, size, file) == size, "filling");
        rt.UnlockTensorBuffer(*buffer);
        fclose(file);
    }
    for (size_t i = 0; i < warmup; i++) check(!rt.RunCompiledModel(compiled, 0, inputs, in, outputs, out), "running");
    for (size_t i = 0; i < runs; i++) {
        uint64_t start = now();
        check(!rt.RunCompiledModel(compiled, 0, inputs, in, outputs, out), "running");
        times[i] = now() - start;
    }
    for (size_t i = 0; i < runs; i++) printf("%" PRIu64 "\n", times[i]);
    return 0;
}
