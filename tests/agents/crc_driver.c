// Prints the CRC-32 of parts of a file, by the processor's instructions and by table. Parts come on stdin: START OFFSET
// LENGTH, START the value to go on from, and OFFSET bytes left out before, so that every alignment has its turn.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "crc32.h"

int main(int argc, char **argv) {
    static unsigned char data[1 << 20];
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    size_t size = file ? fread(data, 1, sizeof data, file) : 0, offset, length;
    uint32_t start;
    printf("%d\n", crc32_by_hardware());
    while (scanf("%" SCNu32 " %zu %zu", &start, &offset, &length) == 3) {
        if (offset > size || length > size - offset) return 2;
        // A block of its own size, so that a byte too far is seen.
        unsigned char *part = malloc(length + offset % 64 + 1);
        if (!part) return 1;
        unsigned char *at = part + offset % 64;
        for (size_t i = 0; i < length; i++) at[i] = data[offset + i];
        printf("%" PRIu32 " %" PRIu32 "\n", crc32_update(start, at, length), crc32_by_table(start, at, length));
        free(part);
    }
    return 0;
}
