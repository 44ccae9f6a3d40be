#include "passes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "feed.h"
#include "procfs.h"
#include "progress.h"
#include "stop.h"

struct run {
    const struct options *options;
    struct session session;
    struct frames frames;
    struct feed feed;
    struct capture capture;
    struct progress progress;
    uint64_t invocations;  // logged so far
    LiteRtProfilerEvent *events;
    size_t event_capacity;
};

static void hash(const char *path, enum error_code code, uint8_t out[SHA256_SIZE]) {
    int error = sha256_file(path, out);
    if (error) fail(code, path, "the file cannot be read: %s", strerror(error));
}

static void write_header(struct run *run) {
    const struct options *o = run->options;
    struct capture_header header = {
        .pass = o->pass,
        .kernel = o->kernel,
        .fully_accelerated = run->session.fully_accelerated,
        .threads = o->threads,
        .warmup = o->warmup,
        .repetitions = o->repetitions,
        .preprocess = run->frames.any_rgb ? &o->preprocess : NULL,
        .labels = o->labels,
        .label_count = o->label_count,
    };
    hash("/proc/self/exe", ERROR_RUNTIME_FAILED, header.agent);
    hash(o->model, ERROR_MODEL_UNREADABLE, header.model);
    hash(o->runtime, ERROR_RUNTIME_MISSING, header.runtime);
    capture_write_header(&run->capture, &header);
}

// Spec ids: inputs from 1, outputs after them.
static uint32_t spec_id(const struct run *run, const struct tensor *tensor) {
    return 1 + tensor->position + (tensor->is_input ? 0 : (uint32_t)run->session.input_count);
}

static void write_specs(struct run *run) {
    struct session *s = &run->session;
    bool layers = run->options->pass == PASS_LAYERS;
    for (size_t i = 0; layers && i < s->input_count; i++) {
        capture_write_spec(&run->capture, spec_id(run, &s->inputs[i]), &s->inputs[i]);
    }
    for (size_t i = 0; i < s->output_count; i++) {
        capture_write_spec(&run->capture, spec_id(run, &s->outputs[i]), &s->outputs[i]);
    }
}

static void write_tensors(struct run *run, uint32_t frame, const struct tensor *tensors, LiteRtTensorBuffer *buffers,
                          size_t n) {
    for (size_t i = 0; i < n; i++) {
        const void *data = session_lock(&run->session, buffers[i], false);
        capture_write_tensor(&run->capture, spec_id(run, &tensors[i]), frame, data, tensors[i].size);
        session_unlock(&run->session, buffers[i]);
    }
}

static void write_ops(struct run *run, uint32_t frame) {
    const struct litert *rt = run->session.rt;
    LiteRtProfiler profiler = run->session.profiler;
    int n = 0;
    LiteRtStatus status = rt->GetNumProfilerEvents(profiler, &n);
    // No events at all is reported as an error by GetProfilerEvents.
    if (status == LITERT_OK && n > 0) {
        if ((size_t)n > run->event_capacity) {
            free(run->events);
            run->event_capacity = (size_t)n;
            run->events = calloc(run->event_capacity, sizeof *run->events);
            if (!run->events) fail_memory("the profiler's events");
        }
        status = rt->GetProfilerEvents(profiler, n, run->events);
    }
    if (status != LITERT_OK) fail(ERROR_RUNTIME_FAILED, "", "the profiler failed with LiteRT status %d", status);
    if (strcmp(run->options->kernel, "delegate") != 0) {
        for (int i = 0; i < n; i++) {
            if (run->events[i].event_type != LITERT_EVENT_DELEGATE_PROFILED_OP) continue;
            fail(ERROR_KERNEL_IGNORED, "kernel_mode", "%s kernels were asked for, but a delegate ran %s",
                 run->options->kernel, run->events[i].tag ? run->events[i].tag : "an operator");
        }
    }
    capture_write_ops(&run->capture, frame, run->events, (size_t)n);
}

static void start_profiler(struct run *run) {
    LiteRtStatus status = run->session.rt->StartProfiler(run->session.profiler);
    if (status != LITERT_OK) fail(ERROR_RUNTIME_FAILED, "", "the profiler does not start: LiteRT status %d", status);
}

// One invocation. Nothing between the clock readings but what they are to tell.
static void invoke(struct run *run, const struct frame_input *inputs, struct capture_frame *frame) {
    bool layers = run->options->pass == PASS_LAYERS;
    frame->start_ns = monotonic_ns();
    if (run->frames.any_rgb) {
        feed_images(&run->feed, inputs);
        frame->preprocess_ns = monotonic_ns() - frame->start_ns;
    }
    if (layers) {
        write_tensors(run, frame->index, run->session.inputs, run->session.input_buffers, run->session.input_count);
        start_profiler(run);
    }
    crash_stage("running the model");
    uint64_t before = monotonic_ns();
    session_run(&run->session);
    frame->invoke_ns = monotonic_ns() - before;
    crash_stage(NULL);
    if (layers) run->session.rt->StopProfiler(run->session.profiler);
}

static void warm_up(struct run *run) {
    feed_read(&run->feed, run->frames.inputs);
    feed_images(&run->feed, run->frames.inputs);
    crash_stage("running the model");
    for (unsigned i = 0; i < run->options->warmup && !stop_requested(); i++) session_run(&run->session);
    crash_stage(NULL);
}

static void write_memory(struct run *run, uint32_t frame, bool last) {
    uint64_t rss = procfs_rss();
    uint64_t peak = last ? procfs_peak_rss() : 0;
    // The kernel counts the two apart, and the peak may lag a few pages behind.
    capture_write_memory(&run->capture, frame, rss, last && peak < rss ? rss : peak);
}

static void play(struct run *run, size_t position) {
    const struct frame_input *inputs = run->frames.inputs + position * run->frames.per_frame;
    bool layers = run->options->pass == PASS_LAYERS;
    feed_read(&run->feed, inputs);
    for (unsigned repetition = 0; repetition < run->options->repetitions && !stop_requested(); repetition++) {
        struct capture_frame frame = {.index = inputs->frame, .repetition = repetition, .name = inputs->name};
        invoke(run, inputs, &frame);
        capture_write_frame(&run->capture, &frame);
        if (repetition == 0) {
            write_tensors(run, frame.index, run->session.outputs, run->session.output_buffers,
                          run->session.output_count);
        }
        if (layers) write_ops(run, frame.index);
        run->invocations++;
        capture_tick(&run->capture);
        progress_tell(&run->progress, run->invocations);
    }
    // In the layers pass the profiler's own buffers would be counted, too.
    if (!layers) write_memory(run, inputs->frame, position + 1 == run->frames.count);
}

int passes_run(const struct options *options) {
    struct litert rt;
    litert_open(&rt, options->runtime);
    struct run run = {.options = options};
    bool layers = options->pass == PASS_LAYERS;
    session_open(&run.session, &rt, options->model,
                 (struct session_options){.kernel = options->kernel, .threads = options->threads, .profile = layers});
    frames_read(&run.frames, options->frames, run.session.input_count);
    feed_open(&run.feed, &run.session, &run.frames, &options->preprocess);
    run.progress = (struct progress){.pass = layers ? "layers" : "latency",
                                     .of = (uint64_t)run.frames.count * options->repetitions};
    capture_open(&run.capture, options->out);
    write_header(&run);
    write_specs(&run);
    capture_flush(&run.capture);

    warm_up(&run);
    for (size_t i = 0; i < run.frames.count && !stop_requested(); i++) play(&run, i);

    int stopped = stop_requested();
    if (!stopped) capture_write_end(&run.capture, (uint32_t)run.invocations);
    uint64_t size = capture_close(&run.capture);
    if (!stopped) progress_done(run.invocations, size);
    stopped = stopped ? stopped : stop_requested();
    free(run.events);
    feed_close(&run.feed);
    frames_free(&run.frames);
    session_close(&run.session);
    return stopped ? 128 + stopped : 0;
}
