// What the layers pass is measured against: blocks copied together into a buffer of 1 MiB, which is written to a file of
// memory when it is full; with `crc` also its CRC-32. Prints nanoseconds a frame.
//   memory_write BYTES FRAMES plain|crc
#define _GNU_SOURCE

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "crc32.h"

enum { CHUNK = 1 << 20, BLOCK = 1 << 17 };

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint32_t crc;

static void flush(int fd, const uint8_t *chunk, size_t size, int with_crc) {
    if (with_crc) crc ^= crc32_update(0, chunk, size);
    if (write(fd, chunk, size) != (ssize_t)size) exit(3);
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    size_t size = strtoull(argv[1], NULL, 10), frames = strtoull(argv[2], NULL, 10);
    int with_crc = strcmp(argv[3], "crc") == 0, fd = memfd_create("floor", 0);
    uint8_t *data = malloc(size), *chunk = malloc(CHUNK);
    uint64_t *taken = calloc(frames, sizeof *taken);
    if (!data || !chunk || !taken || fd < 0) return 1;
    for (size_t i = 0; i < size; i++) data[i] = (uint8_t)(i * 2654435761u >> 24);
    for (size_t frame = 0; frame < frames; frame++) {
        uint64_t start = now();
        size_t used = 0;
        for (size_t at = 0; at < size; at += BLOCK) {
            size_t n = size - at < BLOCK ? size - at : BLOCK;
            if (used + n > CHUNK) {
                flush(fd, chunk, used, with_crc);
                used = 0;
            }
            memcpy(chunk + used, data + at, n);
            used += n;
        }
        flush(fd, chunk, used, with_crc);
        taken[frame] = now() - start;
    }
    for (size_t frame = 0; frame < frames; frame++) printf("%" PRIu64 "\n", taken[frame]);
    fprintf(stderr, "%" PRIu32 "\n", crc);  // so that it is computed
    return 0;
}
