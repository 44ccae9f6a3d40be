// What is verified of a model before the runtime sees it.
#include "fuzz.h"
#include "model_file.h"

static void parse(const char *path, void *unused) {
    (void)unused;
    model_file_check(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_file(data, size, parse, NULL);
    return 0;
}
