// A frame's image.
#include "fuzz.h"
#include "image.h"

static void parse(const char *path, void *unused) {
    (void)unused;
    struct image image = {0};
    image_read_ppm(&image, path);
    image_free(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_file(data, size, parse, NULL);
    return 0;
}
