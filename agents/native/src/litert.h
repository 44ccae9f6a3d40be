// libLiteRt.so, bound at run time.
#ifndef EXRAY_LITERT_H
#define EXRAY_LITERT_H

#include "litert_abi.h"

struct litert {
    void *library;
#define X(result, name, arguments) result(*name) arguments;
    LITERT_FUNCTIONS(X)
#undef X
};

enum { LITERT_FUNCTION_COUNT = 0
#define X(result, name, arguments) +1
       LITERT_FUNCTIONS(X)
#undef X
};

struct litert_probe {
    char error[512];                             // why it cannot be loaded, "" when it can
    bool too_old;                                // older than 2.1.6
    const char *missing[LITERT_FUNCTION_COUNT];  // full symbol names
    size_t missing_count;
};

// Loads the library at `path` and resolves what there is.
void litert_bind(struct litert *rt, const char *path, struct litert_probe *probe);
// The same, failing with runtime-missing, runtime-too-old or runtime-symbol.
void litert_open(struct litert *rt, const char *path);

#endif
