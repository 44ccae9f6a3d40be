// A verifier for flatbuffers, driven by a description of their tables. After it a reader cannot be led out of the file.
#ifndef EXRAY_FLATBUFFER_H
#define EXRAY_FLATBUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fb_kind { FB_SCALAR, FB_STRING, FB_VECTOR, FB_TABLE, FB_TABLES, FB_UNION };

struct fb_field {
    enum fb_kind kind;
    uint8_t size;                   // bytes of a scalar, or of a vector's element
    const struct fb_type *type;     // of a table or of a vector's tables
    const struct fb_leaf *leaves;   // of a union: ends with member 0
};

// A string (size 0) or vector of scalars within one member of a union; all other fields of members are scalars. The
// member's number stands in the field before the union's.
struct fb_leaf {
    uint8_t member, field, size;
};

struct fb_type {
    const char *name;
    size_t count;
    const struct fb_field *fields;
};

struct fb {
    const uint8_t *data;
    size_t size;
    const char *wrong;   // the table in which something is out of bounds, or NULL
    size_t tables_left;  // so that shared subtables cannot make verifying take forever
};

// Whether the buffer's root is a sound table of `type`.
bool fb_verify(struct fb *fb, const struct fb_type *type);

// Readers, for a verified buffer. A table is the position where it starts.
size_t fb_root(const struct fb *fb);
uint64_t fb_scalar(const struct fb *fb, size_t table, size_t field, size_t size);  // 0 when absent
size_t fb_child(const struct fb *fb, size_t table, size_t field);                  // 0 when absent
size_t fb_length(const struct fb *fb, size_t vector);                              // vector 0: none
size_t fb_element(const struct fb *fb, size_t vector, size_t i);                   // of a vector of tables
int32_t fb_int(const struct fb *fb, size_t vector, size_t i);                      // of a vector of int32

#endif
