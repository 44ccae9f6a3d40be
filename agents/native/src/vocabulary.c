#include "vocabulary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "file.h"

// Open addressing; a size of 0 is a free slot.
struct vocabulary_slot {
    uint32_t at, size;  // in the text
    int32_t id;
};

struct line {
    const uint8_t *at;
    size_t size;
};

// FNV-1a, of Fowler, Noll and Vo.
static uint64_t hash(const uint8_t *data, size_t size) {
    uint64_t value = UINT64_C(0xCBF29CE484222325);
    for (size_t i = 0; i < size; i++) value = (value ^ data[i]) * UINT64_C(0x100000001B3);
    return value ^ value >> 32;
}

static struct vocabulary_slot *slot_of(const struct vocabulary *v, const uint8_t *token, size_t size) {
    size_t i = (size_t)hash(token, size) & (v->slot_count - 1);
    for (;; i = (i + 1) & (v->slot_count - 1)) {
        struct vocabulary_slot *slot = &v->slots[i];
        if (slot->size == 0 || (slot->size == size && memcmp(v->text.data + slot->at, token, size) == 0)) return slot;
    }
}

// Takes the line at `*at`, of a text that ends at `end`. False: there is none.
static bool next_line(const uint8_t **at, const uint8_t *end, struct line *line) {
    if (*at >= end) return false;
    const uint8_t *newline = memchr(*at, '\n', (size_t)(end - *at));
    const uint8_t *stop = newline ? newline : end;
    size_t size = (size_t)(stop - *at);
    if (size && stop[-1] == '\r') size--;
    *line = (struct line){*at, size};
    *at = newline ? newline + 1 : end;
    return true;
}

static bool is_blank(uint8_t c) { return c == ' ' || c == '\t'; }

// Whether a line is TOKEN, blanks, digits; the line is then cut to the token. An id beyond 32 bits is -1.
static bool numbered(struct line *line, int32_t *id) {
    size_t digits = line->size;
    while (digits && line->at[digits - 1] >= '0' && line->at[digits - 1] <= '9') digits--;
    size_t token = digits;
    while (token && is_blank(line->at[token - 1])) token--;
    if (digits == line->size || token == digits || token == 0) return false;
    for (size_t i = 0; i < token; i++) {
        if (is_blank(line->at[i])) return false;
    }
    uint64_t value = 0;
    for (size_t i = digits; i < line->size && value <= INT32_MAX; i++) value = value * 10 + (line->at[i] & 15u);
    *id = value > INT32_MAX ? -1 : (int32_t)value;
    line->size = token;
    return true;
}

static void put(struct vocabulary *v, struct line token, int32_t id) {
    struct vocabulary_slot *slot = slot_of(v, token.at, token.size);
    *slot = (struct vocabulary_slot){(uint32_t)(token.at - v->text.data), (uint32_t)token.size, id};
    if (token.size > v->longest) v->longest = token.size;
}

void vocabulary_read(struct vocabulary *v, const char *path) {
    *v = (struct vocabulary){0};
    file_read(&v->text, path, VOCABULARY_MAX_BYTES, ERROR_VOCABULARY_INVALID, "the vocabulary");
    if (v->text.size == 0) fail(ERROR_VOCABULARY_INVALID, path, "no tokens");
    const uint8_t *end = v->text.data + v->text.size;
    struct line line;
    int32_t id;
    bool ids = true;
    size_t count = 0;
    for (const uint8_t *at = v->text.data; next_line(&at, end, &line);) {
        if (line.size == 0) continue;
        count++;
        ids = ids && numbered(&line, &id);
    }
    if (count == 0) fail(ERROR_VOCABULARY_INVALID, path, "no tokens");
    if (count > VOCABULARY_MAX_TOKENS) {
        fail(ERROR_VOCABULARY_INVALID, path, "%zu tokens; the limit is %d", count, VOCABULARY_MAX_TOKENS);
    }
    for (v->slot_count = 2; v->slot_count < 2 * count;) v->slot_count *= 2;
    v->slots = calloc(v->slot_count, sizeof *v->slots);
    if (!v->slots) fail_memory("the vocabulary");
    int32_t number = 0;
    for (const uint8_t *at = v->text.data; next_line(&at, end, &line); number++) {
        if (line.size == 0) continue;
        id = number;
        if (ids && numbered(&line, &id) && id < 0) {
            char where[4200];
            snprintf(where, sizeof where, "%s:%d", path, number + 1);
            fail(ERROR_VOCABULARY_INVALID, where, "the token's id is beyond 2147483647");
        }
        put(v, line, id);
    }
}

int32_t vocabulary_find(const struct vocabulary *v, const uint8_t *token, size_t size) {
    if (size == 0 || size > v->longest) return -1;
    const struct vocabulary_slot *slot = slot_of(v, token, size);
    return slot->size ? slot->id : -1;
}

void vocabulary_free(struct vocabulary *v) {
    bytes_free(&v->text);
    free(v->slots);
    *v = (struct vocabulary){0};
}
