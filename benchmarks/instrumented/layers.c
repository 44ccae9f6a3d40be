// What it takes to log every layer of a frame: nanoseconds a frame, from its start until all of it is in the file.
//   layers FRAMES BYTES...     (of each layer); the file is one of memory
#define _GNU_SOURCE

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "../../agents/native/include/exray.h"

enum { LAYERS = 256 };

int main(int argc, char **argv) {
    if (argc < 3 || argc - 2 > LAYERS) return 2;
    size_t frames = strtoull(argv[1], NULL, 10), count = (size_t)argc - 2, whole = 0;
    uint8_t *data[LAYERS];
    exray_tensor layers[LAYERS];
    for (size_t i = 0; i < count; i++) {
        size_t size = strtoull(argv[2 + i], NULL, 10);
        data[i] = malloc(size);
        if (!data[i]) return 1;
        for (size_t k = 0; k < size; k++) data[i][k] = (uint8_t)(k * 2654435761u >> 24);
        layers[i] = (exray_tensor){.type = EXRAY_UINT8, .rank = 1, .shape = {(int64_t)size}, .index = (int32_t)i};
        layers[i].data = data[i];
        whole += size;
    }
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", memfd_create("layers", 0));
    exray_options options = {.size = sizeof options, .ring = whole + whole / 4};
    exray_capture *x = exray_open(path, &options);
    if (!x) {
        fprintf(stderr, "layers: %s\n", exray_error());
        return 1;
    }
    for (size_t frame = 0; frame < frames; frame++) {
        uint64_t start = exray_now();
        exray_frame f = exray_frame_start(x, NULL);
        for (size_t i = 0; i < count; i++) exray_log_layer(x, f, &layers[i]);
        exray_frame_stop(x, f);
        uint64_t logged = exray_now();
        exray_flush(x);
        printf("%" PRIu64 " %" PRIu64 "\n", exray_now() - start, logged - start);
    }
    exray_totals totals;
    int error = exray_close(x, &totals);
    if (error || totals.dropped) fprintf(stderr, "layers: error %d, %" PRIu64 " dropped\n", error, totals.dropped);
    return error || totals.dropped;
}
