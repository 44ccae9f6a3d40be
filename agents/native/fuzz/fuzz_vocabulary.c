// A vocabulary.
#include <stdlib.h>

#include "fuzz.h"
#include "vocabulary.h"

static void parse(const char *path, void *unused) {
    (void)unused;
    struct vocabulary vocabulary;
    vocabulary_read(&vocabulary, path);
    if (vocabulary_find(&vocabulary, vocabulary.text.data, vocabulary.longest) < -1) abort();
    vocabulary_free(&vocabulary);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_file(data, size, parse, NULL);
    return 0;
}
