#include "tokenize.h"

#include <string.h>

#include "error.h"

const char *const TEXT_ROLES[] = {"ids", "mask", "segments", NULL};
const char *const TEXT_TOKENIZERS[] = {"words", "wordpiece", NULL};

static bool is_between(uint8_t c, uint8_t low, uint8_t high) { return c >= low && c <= high; }

static bool is_of_word(uint8_t c) {
    return c >= 128 || is_between(c, 'a', 'z') || is_between(c, 'A', 'Z') || is_between(c, '0', '9') || c == '_' ||
           c == '\'';
}

static bool is_blank(uint8_t c) { return c == ' ' || is_between(c, '\t', '\r'); }

static bool is_punctuation(uint8_t c) {
    return is_between(c, '!', '/') || is_between(c, ':', '@') || is_between(c, '[', '`') || is_between(c, '{', '~');
}

static void add(struct tokenizer *t, int32_t id) { bytes_append(&t->found, &id, sizeof id); }

// The longest piece that `word` begins with; its size in `taken`, or -1.
static int32_t longest_piece(const struct vocabulary *v, const uint8_t *word, size_t size, bool first, size_t *taken) {
    uint8_t piece[WORDPIECE_MAX_WORD + 2] = "##";
    size_t mark = first ? 0 : 2;
    memcpy(piece + mark, word, size);
    for (size_t n = size + mark < v->longest ? size : v->longest - (mark < v->longest ? mark : v->longest); n; n--) {
        int32_t id = vocabulary_find(v, piece, n + mark);
        if (id < 0) continue;
        *taken = n;
        return id;
    }
    return -1;
}

static void add_pieces(struct tokenizer *t, const struct tokenize *how, const uint8_t *word, size_t size) {
    size_t before = t->found.size;
    for (size_t at = 0, taken; at < size; at += taken) {
        int32_t id = size > WORDPIECE_MAX_WORD
                         ? -1
                         : longest_piece(&t->vocabulary, word + at, size - at, at == 0, &taken);
        if (id < 0) {
            t->found.size = before;
            add(t, how->unknown);
            return;
        }
        add(t, id);
    }
}

static void split_pieces(struct tokenizer *t, const struct tokenize *how, const uint8_t *text, size_t size) {
    for (size_t at = 0, end; at < size; at = end) {
        end = at + 1;
        if (is_blank(text[at])) continue;
        if (!is_punctuation(text[at])) {
            while (end < size && !is_blank(text[end]) && !is_punctuation(text[end])) end++;
        }
        add_pieces(t, how, text + at, end - at);
    }
}

static void split_words(struct tokenizer *t, const struct tokenize *how, const uint8_t *text, size_t size) {
    for (size_t at = 0, end; at < size; at = end) {
        end = at + 1;
        if (!is_of_word(text[at])) continue;
        while (end < size && is_of_word(text[end])) end++;
        int32_t id = vocabulary_find(&t->vocabulary, text + at, end - at);
        add(t, id < 0 ? how->unknown : id);
    }
}

void tokenize(struct tokenizer *t, const struct tokenize *how, const struct bytes *text) {
    bytes_clear(&t->found);
    bytes_clear(&t->text);
    if (text->size) bytes_append(&t->text, text->data, text->size);
    if (t->text.failed) fail_memory("a text");
    for (size_t i = 0; !how->keep_case && i < t->text.size; i++) {
        uint8_t *c = &t->text.data[i];
        if (is_between(*c, 'A', 'Z')) *c = (uint8_t)(*c + ('a' - 'A'));
    }
    (how->wordpiece ? split_pieces : split_words)(t, how, t->text.data, t->text.size);
    if (t->found.failed) fail_memory("a text's tokens");
}

static void put(void *out, bool wide, size_t i, int32_t value) {
    if (wide) {
        ((int64_t *)out)[i] = value;
    } else {
        ((int32_t *)out)[i] = value;
    }
}

void tokens_put(const struct tokenizer *t, const struct tokenize *how, enum text_role role, size_t size, bool wide,
                void *out) {
    const int32_t *found = (const int32_t *)(const void *)t->found.data;
    size_t all = t->found.size / sizeof *found, room = size - how->has_start - how->has_end;
    size_t kept = all < room ? all : room, from = how->cut_head ? all - kept : 0;
    size_t used = how->has_start + kept + how->has_end, offset = how->pad_left ? size - used : 0;
    for (size_t i = 0; i < size; i++) {
        bool inside = i >= offset && i - offset < used;
        size_t at = i - offset;
        int32_t id = how->pad;
        if (inside && how->has_start && at == 0) {
            id = how->start;
        } else if (inside && how->has_end && at == used - 1) {
            id = how->end;
        } else if (inside) {
            id = found[from + at - how->has_start];
        }
        put(out, wide, i, role == TEXT_IDS ? id : role == TEXT_MASK ? inside : 0);
    }
}

void tokenizer_free(struct tokenizer *t) {
    vocabulary_free(&t->vocabulary);
    bytes_free(&t->text);
    bytes_free(&t->found);
}
