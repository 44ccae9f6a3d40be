// The list of frames. The first byte is the model's number of inputs, less one.
#include "frames.h"
#include "fuzz.h"

static void parse(const char *path, void *per_frame) {
    struct frames frames;
    frames_read(&frames, path, *(size_t *)per_frame);
    frames_free(&frames);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    size_t per_frame = 1u + data[0] % 8u;
    fuzz_file(data + 1, size - 1, parse, &per_frame);
    return 0;
}
