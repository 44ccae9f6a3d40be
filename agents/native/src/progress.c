#include "progress.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "stop.h"

bool progress_line(const char *text, uint64_t size) {
    while (size > 0) {
        ssize_t n = write(STDOUT_FILENO, text, (size_t)size);
        if (n < 0 && errno == EINTR && !stop_requested()) continue;
        if (n < 0) {
            if (!stop_requested()) stop_request(SIGPIPE);
            return false;
        }
        text += n;
        size -= (uint64_t)n;
    }
    return true;
}

void progress_tell(struct progress *progress, uint64_t done) {
    uint64_t now = monotonic_ns();
    if (done < progress->of && now - progress->last_ns < 100000000) return;
    progress->last_ns = now;
    char line[160];
    int n = snprintf(line, sizeof line, "{\"progress\":{\"pass\":\"%s\",\"done\":%" PRIu64 ",\"of\":%" PRIu64 "}}\n",
                     progress->pass, done, progress->of);
    progress_line(line, (uint64_t)n);
}

void progress_done(uint64_t invocations, uint64_t bytes) {
    char line[160];
    int n = snprintf(line, sizeof line, "{\"done\":{\"invocations\":%" PRIu64 ",\"bytes\":%" PRIu64 "}}\n", invocations,
                     bytes);
    progress_line(line, (uint64_t)n);
}
