// The tokens a model knows, with their ids.
#ifndef EXRAY_VOCABULARY_H
#define EXRAY_VOCABULARY_H

#include "bytes.h"

enum { VOCABULARY_MAX_BYTES = 1 << 26, VOCABULARY_MAX_TOKENS = 1 << 22 };

struct vocabulary {
    struct bytes text;  // the file
    struct vocabulary_slot *slots;
    size_t slot_count;  // a power of two
    size_t longest;     // bytes of the longest token
};

// Reads a file of tokens, a line each (docs/recipes.md), or fails with vocabulary-invalid.
void vocabulary_read(struct vocabulary *vocabulary, const char *path);
// The id of `size` bytes, or -1.
int32_t vocabulary_find(const struct vocabulary *vocabulary, const uint8_t *token, size_t size);
void vocabulary_free(struct vocabulary *vocabulary);

#endif
