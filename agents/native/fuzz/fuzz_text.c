// A text that is its own vocabulary, so that some of its tokens are found. The first byte chooses the recipe.
#include <stdlib.h>

#include "file.h"
#include "fuzz.h"
#include "tokenize.h"

enum { VALUES = 16 };

static void parse(const char *path, void *how) {
    struct tokenizer tokenizer = {0};
    struct bytes text = {0};
    int64_t ids[VALUES], mask[VALUES];
    vocabulary_read(&tokenizer.vocabulary, path);
    file_read(&text, path, TEXT_MAX_BYTES, ERROR_FRAME_UNREADABLE, "the frame");
    tokenize(&tokenizer, how, &text);
    tokens_put(&tokenizer, how, TEXT_IDS, VALUES, true, ids);
    tokens_put(&tokenizer, how, TEXT_MASK, VALUES, true, mask);
    for (size_t i = 0; i < VALUES; i++) {
        if ((ids[i] == -3) != (mask[i] == 0)) abort();  // no other id is that of padding
    }
    bytes_free(&text);
    tokenizer_free(&tokenizer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    uint8_t bits = data[0];
    struct tokenize how = {
        .wordpiece = bits & 1, .keep_case = bits & 2, .pad_left = bits & 4, .cut_head = bits & 8,
        .has_start = bits & 16, .has_end = bits & 32, .start = -1, .end = -2, .unknown = 0, .pad = -3,
    };
    fuzz_file(data + 1, size - 1, parse, &how);
    return 0;
}
