/* An app that logs some frames and then dies, or does nothing more: broken die|hang CAPTURE. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "exray.h"

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    exray_options const options = {.size = sizeof options, .app = "broken"};
    exray_capture *log = exray_open(argv[2], &options);
    if (!log) {
        fprintf(stderr, "%s\n", exray_error());
        return 1;
    }
    for (int i = 0; i < 5; i++) {
        exray_frame const frame = exray_frame_start(log, NULL);
        exray_log_scalar(log, frame, "step", i);
        exray_frame_stop(log, frame);
    }
    exray_flush(log);
    fprintf(stderr, "about to %s\n", argv[1]);
    if (strcmp(argv[1], "die") == 0) raise(SIGSEGV);
    for (;;) pause();
}
