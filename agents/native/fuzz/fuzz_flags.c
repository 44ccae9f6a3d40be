// The command line of `run`: one argument a line.
#include <string.h>

#include "fuzz.h"
#include "options.h"

enum { MAX_ARGUMENTS = 1024 };

static void parse(const char *unused, void *text) {
    (void)unused;
    static struct options options;
    char *arguments[MAX_ARGUMENTS];
    int n = 0;
    for (char *at = text; at && n < MAX_ARGUMENTS; n++) {
        arguments[n] = at;
        at = strchr(at, '\n');
        if (at) *at++ = '\0';
    }
    options_parse(&options, n, arguments);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char text[FUZZ_MAX_SIZE + 1];
    size = size < FUZZ_MAX_SIZE ? size : FUZZ_MAX_SIZE;
    memcpy(text, data, size);
    text[size] = '\0';
    fuzz_file(NULL, 0, parse, text);
    return 0;
}
