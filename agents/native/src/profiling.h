// The runtime's profiler around one invocation.
#ifndef EXRAY_PROFILING_H
#define EXRAY_PROFILING_H

#include "capture.h"

struct profiling {
    LiteRtProfilerEvent *events;
    size_t capacity;
};

// Both fail with runtime-failed. Starting forgets what was recorded before.
void profiling_start(const struct session *session);
void profiling_stop(const struct session *session);
// Writes the invocation's events. Fails with kernel-ignored when a delegate ran although `kernel` says otherwise.
void profiling_write(struct profiling *profiling, const struct session *session, const char *kernel,
                     struct capture *capture, uint32_t frame);
void profiling_free(struct profiling *profiling);

#endif
