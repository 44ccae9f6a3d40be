// Listens to what the runtime writes to stderr, the only place where it names an operator it does not know.
#ifndef EXRAY_STDERR_TAP_H
#define EXRAY_STDERR_TAP_H

#include <stdbool.h>
#include <stddef.h>

struct stderr_tap {
    int saved;  // the real stderr, -1 when tapping did not work (then nothing is heard)
    int pipe;
};

void stderr_tap_begin(struct stderr_tap *tap);
// Restores stderr and, if `repeat`, writes what was heard there. `heard` gets the first size - 1 bytes, NUL-terminated.
void stderr_tap_end(struct stderr_tap *tap, char *heard, size_t size, bool repeat);

#endif
