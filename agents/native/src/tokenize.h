// What happens to a text before the model reads it: lower case, split, look up, start and end, truncate, pad, in this
// order (docs/recipes.md).
#ifndef EXRAY_TOKENIZE_H
#define EXRAY_TOKENIZE_H

#include "bytes.h"
#include "vocabulary.h"

enum { TEXT_MAX_BYTES = 1 << 24, TEXT_MAX_INPUTS = 16, WORDPIECE_MAX_WORD = 200 };

enum text_role { TEXT_IDS, TEXT_MASK, TEXT_SEGMENTS };
extern const char *const TEXT_ROLES[], *const TEXT_TOKENIZERS[];

struct tokenize {
    const char *vocabulary;  // its path, or NULL
    bool wordpiece;
    bool keep_case;
    bool pad_left, cut_head;
    bool has_start, has_end;
    int32_t start, end, unknown, pad;
    enum text_role roles[TEXT_MAX_INPUTS];  // by model input
    size_t role_count;
};

// Memory that stays between frames. Start from zeros.
struct tokenizer {
    struct vocabulary vocabulary;
    struct bytes text;   // lower case
    struct bytes found;  // int32 ids of the text's tokens
};

// The ids of a text's tokens, without start and end, into tokenizer->found.
void tokenize(struct tokenizer *tokenizer, const struct tokenize *how, const struct bytes *text);
// Fills `out`, `size` elements of int32, or of int64 where `wide`, with what `role` asks for of the ids found.
// `size` has room for start and end.
void tokens_put(const struct tokenizer *tokenizer, const struct tokenize *how, enum text_role role, size_t size,
                bool wide, void *out);
void tokenizer_free(struct tokenizer *tokenizer);

#endif
