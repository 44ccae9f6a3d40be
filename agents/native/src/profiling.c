#include "profiling.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"

static void check(LiteRtStatus status, const char *what) {
    if (status != LITERT_OK) fail(ERROR_RUNTIME_FAILED, "", "%s failed with status %d", what, status);
}

void profiling_start(const struct session *s) { check(s->rt->StartProfiler(s->profiler), "LiteRtStartProfiler"); }

void profiling_stop(const struct session *s) { check(s->rt->StopProfiler(s->profiler), "LiteRtStopProfiler"); }

static size_t read_events(struct profiling *p, const struct session *s) {
    int n = 0;
    check(s->rt->GetNumProfilerEvents(s->profiler, &n), "LiteRtGetNumProfilerEvents");
    if (n <= 0) return 0;  // GetProfilerEvents would call it an error
    if ((size_t)n > p->capacity) {
        free(p->events);
        p->capacity = (size_t)n;
        p->events = calloc(p->capacity, sizeof *p->events);
        if (!p->events) fail_memory("the profiler's events");
    }
    check(s->rt->GetProfilerEvents(s->profiler, n, p->events), "LiteRtGetProfilerEvents");
    return (size_t)n;
}

void profiling_write(struct profiling *p, const struct session *s, const char *kernel, struct capture *capture,
                     uint32_t frame) {
    size_t n = read_events(p, s);
    if (strcmp(kernel, "delegate") != 0) {
        for (size_t i = 0; i < n; i++) {
            if (p->events[i].event_type != LITERT_EVENT_DELEGATE_PROFILED_OP) continue;
            fail(ERROR_KERNEL_IGNORED, "kernel_mode", "%s kernels were asked for, but a delegate ran %s", kernel,
                 p->events[i].tag ? p->events[i].tag : "an operator");
        }
    }
    capture_write_ops(capture, frame, p->events, n);
}

void profiling_free(struct profiling *p) {
    free(p->events);
    *p = (struct profiling){0};
}
