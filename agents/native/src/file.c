#include "file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void file_read(struct bytes *out, const char *path, size_t limit, enum error_code code, const char *what) {
    FILE *file = fopen(path, "rb");
    if (!file) fail(code, path, "%s cannot be opened: %s", what, strerror(errno));
    bytes_clear(out);
    char buffer[16384];
    size_t n;
    while ((n = fread(buffer, 1, sizeof buffer, file)) > 0) {
        bytes_append(out, buffer, n);
        if (out->size > limit) fail(code, path, "longer than %zu bytes", limit);
    }
    if (ferror(file)) fail(code, path, "%s cannot be read: %s", what, strerror(errno));
    fclose(file);
    if (out->failed) fail_memory(what);
}
