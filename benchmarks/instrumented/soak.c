// A day of an app that logs every frame: times and memory, a small answer, a sensor now and then, as fast as they go.
//   soak CAPTURE FRAMES BUDGET      prints `memory KiB` after each hundredth of the frames, then what it came to
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../agents/native/include/exray.h"
#include "../../agents/native/src/procfs.h"

static long resident_kib(void) { return (long)(procfs_rss() / 1024); }

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    uint64_t frames = strtoull(argv[2], NULL, 10), budget = strtoull(argv[3], NULL, 10);
    exray_options options = {.size = sizeof options, .byte_budget = budget};
    exray_capture *x = exray_open(argv[1], &options);
    if (!x) {
        fprintf(stderr, "soak: %s\n", exray_error());
        return 1;
    }
    float scores[4] = {0};
    const exray_tensor answer = {
        .name = "scores", .type = EXRAY_FLOAT32, .rank = 2, .shape = {1, 4}, .index = -1, .data = scores};
    for (uint64_t i = 0; i < frames; i++) {
        char name[24];
        snprintf(name, sizeof name, "%" PRIu64, i);
        exray_frame f = exray_frame_start(x, name);
        exray_inference_start(x, f);
        scores[i % 4] += 1;
        exray_inference_stop(x, f);
        exray_log_output(x, f, 0, &answer);
        exray_frame_stop(x, f);
        if (i % 100 == 0) exray_log_sensor(x, "light", &(double){(double)i}, 1);
        // A day in a minute: where frames come a thousand times too fast, the disk is waited for.
        if (i % 500 == 499) exray_flush(x);
        if (i % (frames / 100 + 1) == 0) printf("memory %ld\n", resident_kib());
    }
    exray_totals totals;
    int error = exray_close(x, &totals);
    printf("frames %" PRIu64 " bytes %" PRIu64 " dropped %" PRIu64 " over_budget %" PRIu64 " error %d\n", totals.frames,
           totals.bytes, totals.dropped, totals.over_budget, error);
    return error;
}
