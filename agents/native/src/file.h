// A file as a whole, in memory.
#ifndef EXRAY_FILE_H
#define EXRAY_FILE_H

#include "bytes.h"
#include "error.h"

// Replaces what `out` holds by the file's bytes, or fails with `code`, calling the file `what`: unreadable, or longer
// than `limit` bytes.
void file_read(struct bytes *out, const char *path, size_t limit, enum error_code code, const char *what);

#endif
