// What fuzz targets share. A target is a file with LLVMFuzzerTestOneInput, as libFuzzer wants it.
#ifndef EXRAY_FUZZ_H
#define EXRAY_FUZZ_H

#include <stddef.h>
#include <stdint.h>

enum { FUZZ_MAX_SIZE = 1 << 16 };

// The entry point of a target.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Calls parse(path, argument) with the path of a file that holds `data`. Where the agent would end with an error,
// it comes back, and all memory, files and mappings taken since are given back.
void fuzz_file(const uint8_t *data, size_t size, void (*parse)(const char *path, void *argument), void *argument);

#endif
