// JSON lines on stdout for the host. Nobody reading any more asks the agent to stop.
#ifndef EXRAY_PROGRESS_H
#define EXRAY_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *pass;
    uint64_t of;       // invocations to log
    uint64_t last_ns;  // of the last line
};

// At most ten lines a second, and one for the last invocation.
void progress_tell(struct progress *progress, uint64_t done);
void progress_done(uint64_t invocations, uint64_t bytes);
// Writes a line to stdout; false when stdout is closed (the agent is then asked to stop).
bool progress_line(const char *text, uint64_t size);

#endif
