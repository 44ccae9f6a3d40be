#include "flatbuffer.h"

#include <string.h>

enum { MAX_DEPTH = 16 };

// Flatbuffers are little-endian, and so is every processor this is built for (version.h).
static uint64_t load(const struct fb *fb, size_t at, size_t size) {
    uint64_t value = 0;
    memcpy(&value, fb->data + at, size);
    return value;
}

static bool inside(const struct fb *fb, size_t at, uint64_t n) { return at <= fb->size && n <= fb->size - at; }

// Follows the forward offset at `at`; 0 when it leads out of the buffer.
static size_t follow(const struct fb *fb, size_t at) {
    uint64_t offset = load(fb, at, 4);
    uint64_t target = (uint64_t)at + offset;
    return offset >= 4 && target % 4 == 0 && target + 4 <= fb->size ? (size_t)target : 0;
}

static size_t vtable_of(const struct fb *fb, size_t table) {
    int64_t vtable = (int64_t)table - (int32_t)(uint32_t)load(fb, table, 4);
    return vtable > 0 ? (size_t)vtable : 0;
}

static size_t field_at(const struct fb *fb, size_t table, size_t field) {
    size_t vtable = vtable_of(fb, table);
    size_t entry = 4 + 2 * field;
    if (entry + 2 > load(fb, vtable, 2)) return 0;
    uint64_t offset = load(fb, vtable + entry, 2);
    return offset ? table + (size_t)offset : 0;
}

// The head of a table: its vtable lies inside, and every field inside the table.
static bool sound_head(const struct fb *fb, size_t table) {
    if (table % 4 || !inside(fb, table, 4)) return false;
    size_t vtable = vtable_of(fb, table);
    if (vtable == 0 || vtable % 2 || !inside(fb, vtable, 4)) return false;
    uint64_t vtable_size = load(fb, vtable, 2), table_size = load(fb, vtable + 2, 2);
    if (vtable_size < 4 || vtable_size % 2 || !inside(fb, vtable, vtable_size)) return false;
    if (table_size < 4 || !inside(fb, table, table_size)) return false;
    for (size_t entry = 4; entry < vtable_size; entry += 2) {
        uint64_t offset = load(fb, vtable + entry, 2);
        if (offset && (offset < 4 || offset >= table_size)) return false;
    }
    return true;
}

// Whether the field at `at` has room for `size` bytes within its table.
static bool sound_field(const struct fb *fb, size_t table, size_t at, size_t size) {
    return at - table + size <= load(fb, vtable_of(fb, table) + 2, 2);
}

static bool sound_vector(const struct fb *fb, size_t at, uint64_t element, bool is_string) {
    size_t vector = follow(fb, at);
    if (vector == 0) return false;
    uint64_t bytes = load(fb, vector, 4) * element;
    if (!inside(fb, vector + 4, bytes + is_string)) return false;
    return !is_string || fb->data[vector + 4 + bytes] == 0;
}

static bool verify_union(struct fb *fb, size_t table, size_t field, const struct fb_leaf *leaves) {
    size_t at = field_at(fb, table, field);
    uint64_t member = fb_scalar(fb, table, field - 1, 1);
    size_t child = follow(fb, at);
    if (child == 0 || !sound_head(fb, child)) return false;
    for (; leaves->member; leaves++) {
        if (leaves->member != member) continue;
        size_t leaf = field_at(fb, child, leaves->field);
        if (!leaf) continue;
        if (!sound_field(fb, child, leaf, 4)) return false;
        if (!sound_vector(fb, leaf, leaves->size ? leaves->size : 1, leaves->size == 0)) return false;
    }
    return true;
}

static bool verify_table(struct fb *fb, size_t table, const struct fb_type *type, int depth);

static bool verify_tables(struct fb *fb, size_t at, const struct fb_type *type, int depth) {
    if (!sound_vector(fb, at, 4, false)) return false;
    size_t vector = follow(fb, at);
    for (size_t i = 0, n = fb_length(fb, vector); i < n; i++) {
        size_t child = follow(fb, vector + 4 + 4 * i);
        if (child == 0 || !verify_table(fb, child, type, depth)) return false;
    }
    return true;
}

static bool verify_field(struct fb *fb, size_t table, size_t field, const struct fb_field *is, int depth) {
    size_t at = field_at(fb, table, field);
    if (at == 0) return true;
    if (!sound_field(fb, table, at, is->kind == FB_SCALAR ? is->size : 4)) return false;
    switch (is->kind) {
        case FB_SCALAR:
            return true;
        case FB_STRING:
            return sound_vector(fb, at, 1, true);
        case FB_VECTOR:
            return sound_vector(fb, at, is->size, false);
        case FB_TABLE: {
            size_t child = follow(fb, at);
            return child != 0 && verify_table(fb, child, is->type, depth + 1);
        }
        case FB_TABLES:
            return verify_tables(fb, at, is->type, depth + 1);
        case FB_UNION:
            return verify_union(fb, table, field, is->leaves);
    }
    return false;
}

static bool verify_table(struct fb *fb, size_t table, const struct fb_type *type, int depth) {
    bool sound = depth <= MAX_DEPTH && fb->tables_left-- > 0 && sound_head(fb, table);
    for (size_t i = 0; sound && i < type->count; i++) sound = verify_field(fb, table, i, &type->fields[i], depth);
    if (!sound && !fb->wrong) fb->wrong = type->name;
    return sound;
}

bool fb_verify(struct fb *fb, const struct fb_type *type) {
    fb->wrong = NULL;
    fb->tables_left = fb->size / 4;  // no more can stand in it without sharing
    if (fb->size >= 8 && follow(fb, 0) != 0) return verify_table(fb, follow(fb, 0), type, 0);
    fb->wrong = type->name;
    return false;
}

size_t fb_root(const struct fb *fb) { return follow(fb, 0); }

uint64_t fb_scalar(const struct fb *fb, size_t table, size_t field, size_t size) {
    size_t at = field_at(fb, table, field);
    return at ? load(fb, at, size) : 0;
}

size_t fb_child(const struct fb *fb, size_t table, size_t field) {
    size_t at = field_at(fb, table, field);
    return at ? follow(fb, at) : 0;
}

size_t fb_length(const struct fb *fb, size_t vector) { return vector ? (size_t)load(fb, vector, 4) : 0; }

size_t fb_element(const struct fb *fb, size_t vector, size_t i) { return follow(fb, vector + 4 + 4 * i); }

int32_t fb_int(const struct fb *fb, size_t vector, size_t i) {
    return (int32_t)(uint32_t)load(fb, vector + 4 + 4 * i, 4);
}
