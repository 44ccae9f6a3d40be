// What the C API costs an app, frame by frame: the bare model (a), the same again (b), and with its times and memory
// logged (x), in random order.
//   loop MODEL CAPTURE ROUNDS     prints `arm total_ns api_ns` a line, then `bytes N frames N` and `memory KiB`
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../../agents/native/include/exray.h"
#include "../../agents/native/src/procfs.h"
#include "../../agents/native/src/litert_abi.h"

#define X(result, name, arguments) result LiteRt##name arguments;
LITERT_FUNCTIONS(X)
#undef X

enum { WARM_UP = 20 };

static LiteRtCompiledModel compiled;
static LiteRtTensorBuffer inputs[16], outputs[16];
static size_t input_count, output_count;

static void check(int ok, const char *what) {
    if (ok) return;
    fprintf(stderr, "loop: %s failed\n", what);
    exit(1);
}

static void load(const char *path) {
    LiteRtEnvironment environment;
    LiteRtModel model;
    LiteRtOptions options;
    LiteRtSignature signature;
    check(!LiteRtCreateEnvironment(0, NULL, &environment), "CreateEnvironment");
    check(!LiteRtCreateModelFromFile(environment, path, &model), "CreateModelFromFile");
    check(!LiteRtCreateOptions(&options), "CreateOptions");
    check(!LiteRtSetOptionsHardwareAccelerators(options, LITERT_ACCELERATOR_CPU), "options");
    check(!LiteRtCreateCompiledModel(environment, model, options, &compiled), "CreateCompiledModel");
    check(!LiteRtGetModelSignature(model, 0, &signature), "signature");
    check(!LiteRtGetNumSignatureInputs(signature, &input_count) && input_count <= 16, "inputs");
    check(!LiteRtGetNumSignatureOutputs(signature, &output_count) && output_count <= 16, "outputs");
    for (size_t i = 0; i < input_count + output_count; i++) {
        bool in = i < input_count;
        size_t at = in ? i : i - input_count, size;
        LiteRtTensor tensor;
        LiteRtRankedTensorType type;
        LiteRtTensorBufferRequirements needs;
        LiteRtTensorBuffer *buffer = in ? &inputs[at] : &outputs[at];
        void *memory;
        check(!(in ? LiteRtGetSignatureInputTensorByIndex(signature, at, &tensor)
                   : LiteRtGetSignatureOutputTensorByIndex(signature, at, &tensor)), "tensor");
        check(!LiteRtGetRankedTensorType(tensor, &type), "type");
        check(!(in ? LiteRtGetCompiledModelInputBufferRequirements(compiled, 0, at, &needs)
                   : LiteRtGetCompiledModelOutputBufferRequirements(compiled, 0, at, &needs)), "requirements");
        check(!LiteRtCreateManagedTensorBufferFromRequirements(environment, &type, needs, buffer), "buffer");
        check(!LiteRtGetTensorBufferPackedSize(*buffer, &size), "size");
        check(!LiteRtLockTensorBuffer(*buffer, &memory, LITERT_LOCK_WRITE), "lock");
        memset(memory, 0, size);
        LiteRtUnlockTensorBuffer(*buffer);
    }
}

static void run(void) {
    check(!LiteRtRunCompiledModel(compiled, 0, input_count, inputs, output_count, outputs), "RunCompiledModel");
}

static void frame(char arm, exray_capture *x, int told) {
    uint64_t start = exray_now(), api = 0, before;
    if (arm == 'x') {
        exray_frame f = exray_frame_start(x, NULL);
        exray_inference_start(x, f);
        api += (before = exray_now()) - start;
        run();
        uint64_t after = exray_now();
        exray_inference_stop(x, f);
        exray_frame_stop(x, f);
        api += exray_now() - after;
    } else {
        run();
    }
    uint64_t total = exray_now() - start;
    if (told) printf("%c %" PRIu64 " %" PRIu64 "\n", arm, total, api);
}

static long resident_kib(void) { return (long)(procfs_rss() / 1024); }

static long size_of(const char *path) {
    struct stat status;
    check(stat(path, &status) == 0, "stat");
    return (long)status.st_size;
}

int main(int argc, char **argv) {
    check(argc == 4, "usage: loop MODEL CAPTURE ROUNDS");
    long rounds = strtol(argv[3], NULL, 10);
    load(argv[1]);
    for (int i = 0; i < WARM_UP; i++) frame('a', NULL, 0);
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    printf("\n");  // its buffer is there before memory is looked at

    exray_totals totals;
    check(exray_close(exray_open(argv[2], NULL), NULL) == 0, "an empty capture");
    long empty = size_of(argv[2]), memory = resident_kib();
    exray_capture *x = exray_open(argv[2], NULL);
    check(x != NULL, exray_error());
    uint64_t seed = 88172645463325252u;
    for (long i = -WARM_UP; i < rounds; i++) {
        char arms[] = "abx";
        for (size_t k = 2; k > 0; k--) {
            seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;  // xorshift64
            size_t other = seed % (k + 1);
            char arm = arms[k];
            arms[k] = arms[other], arms[other] = arm;
        }
        for (size_t k = 0; k < 3; k++) frame(arms[k], x, i >= 0);
    }
    exray_flush(x);
    memory = resident_kib() - memory;
    check(exray_close(x, &totals) == 0 && totals.dropped == 0, "closing");
    printf("bytes %ld frames %" PRIu64 "\nmemory %ld\n", size_of(argv[2]) - empty, totals.frames, memory);
    return 0;
}
