#include "diagnosis.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "stderr_tap.h"

static struct stderr_tap tap = {.saved = -1, .pipe = -1};
static char heard[16384];

void diagnosis_begin(void) { stderr_tap_begin(&tap); }
void diagnosis_end(void) { stderr_tap_end(&tap, heard, sizeof heard, true); }
void diagnosis_drop(void) { stderr_tap_end(&tap, heard, sizeof heard, false); }

// The operator's name after the runtime's "Encountered unresolved custom op: NAME.", or the like of a builtin one.
static bool unregistered_op(char *name, size_t size) {
    static const char *const before[] = {"unresolved custom op: ", "Didn't find op for builtin opcode '"};
    static const char *const after[] = {"\n", "'"};
    for (size_t i = 0; i < 2; i++) {
        const char *at = strstr(heard, before[i]);
        if (!at) continue;
        at += strlen(before[i]);
        size_t n = strcspn(at, after[i]);
        if (i == 0 && n > 0 && at[n - 1] == '.') n--;
        snprintf(name, size, "%.*s", (int)(n < size ? n : size - 1), at);
        return true;
    }
    return false;
}

// The first line that says ERROR, the cause of those that follow; "" when there is none.
static void first_error(char *line, size_t size) {
    line[0] = '\0';
    for (const char *at = heard; *at && !line[0];) {
        size_t n = strcspn(at, "\n");
        if (n > 7 && strncmp(at, "ERROR: ", 7) == 0) snprintf(line, size, "%.*s", (int)(n - 7), at + 7);
        at += n + (at[n] == '\n');
    }
}

void diagnosis_fail(enum error_code code, const char *where, const char *format, ...) {
    diagnosis_end();
    char message[1024], name[256], line[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (unregistered_op(name, sizeof name)) {
        fail(ERROR_OP_UNREGISTERED, name, "the runtime has no kernel for the operator %s", name);
    }
    first_error(line, sizeof line);
    fail(code, where, "%s%s%s", message, line[0] ? ": " : "", line);
}
