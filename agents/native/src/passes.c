#include "passes.h"

#include <errno.h>
#include <string.h>

#include "accelerator.h"
#include "affinity.h"
#include "agent.h"
#include "clock.h"
#include "error.h"
#include "feed.h"
#include "lease.h"
#include "pending.h"
#include "procfs.h"
#include "profiling.h"
#include "progress.h"
#include "rusage.h"
#include "sampler.h"
#include "stop.h"
#include "tensor_log.h"
#include "told.h"
#include "watch.h"

struct run {
    const struct options *options;
    struct pass_traits traits;
    struct session session;
    struct frames frames;
    struct feed feed;
    struct capture capture;
    struct tensor_log tensors;
    struct profiling profiling;
    struct progress progress;
    uint64_t invocations;  // logged so far
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
        .image = run->frames.has[FRAME_RGB] ? &o->recipe.image : NULL,
        .audio = run->frames.has[FRAME_PCM] ? &o->recipe.audio : NULL,
        .text = run->frames.has[FRAME_TEXT] ? &o->recipe.text : NULL,
        .labels = o->labels,
        .label_count = o->label_count,
        .accelerator = accelerator_name(o->accelerator),
        .accelerator_used = accelerator_name(o->accelerator),  // accelerator_check has seen to it
        .cpu_mask = o->cpu_mask,
        .cpu_mask_used = affinity_get(),
        .byte_budget = o->byte_budget,
    };
    hash(agent_file, ERROR_RUNTIME_FAILED, header.agent);
    hash(o->model, ERROR_MODEL_UNREADABLE, header.model);
    hash(o->runtime, ERROR_RUNTIME_MISSING, header.runtime);
    if (header.text) hash(header.text->vocabulary, ERROR_VOCABULARY_INVALID, header.vocabulary);
    capture_write_header(&run->capture, &header);
}

static void write_conditions(struct run *run, enum conditions_when when) {
    static struct conditions conditions;
    conditions_read(&conditions);
    capture_write_conditions(&run->capture, when, &conditions);
}

// One invocation. Nothing between the clock readings but what they are to tell.
static void invoke(struct run *run, const struct frame_input *inputs, struct capture_frame *frame) {
    frame->start_ns = monotonic_ns();
    if (feed_prepares(&run->frames)) {
        feed_prepare(&run->feed, inputs);
        frame->preprocess_ns = monotonic_ns() - frame->start_ns;
    }
    tensor_log_write_inputs(&run->tensors, frame->index);
    if (run->traits.profiler) profiling_start(&run->session);
    crash_stage("running the model");
    uint64_t before = monotonic_ns();
    session_run(&run->session);
    frame->invoke_ns = monotonic_ns() - before;
    crash_stage(NULL);
    if (run->traits.profiler) profiling_stop(&run->session);
}

// The device with the model loaded and nothing to do.
static void rest(struct run *run) {
    static const struct timespec STEP = {.tv_nsec = 20000000};
    sampler_phase(&run->capture, SAMPLE_IDLE);
    uint64_t until = monotonic_ns() + (uint64_t)run->options->idle_ms * 1000000;
    while (monotonic_ns() < until && !stop_requested()) nanosleep(&STEP, NULL);
}

static void warm_up(struct run *run) {
    feed_read(&run->feed, run->frames.inputs);
    feed_prepare(&run->feed, run->frames.inputs);
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
    feed_read(&run->feed, inputs);
    tensor_log_begin_frame(&run->tensors);
    for (unsigned repetition = 0; repetition < run->options->repetitions && !stop_requested(); repetition++) {
        struct capture_frame frame = {.index = inputs->frame, .repetition = repetition, .name = inputs->name};
        invoke(run, inputs, &frame);
        capture_write_frame(&run->capture, &frame);
        if (repetition == 0) tensor_log_write_outputs(&run->tensors, frame.index);
        if (run->traits.profiler) {
            profiling_write(&run->profiling, &run->session, run->options->kernel, &run->capture, frame.index);
        }
        run->invocations++;
        pending_write(&run->capture);
        capture_tick(&run->capture);
        progress_tell(&run->progress, run->invocations);
    }
    if (run->traits.log_memory) write_memory(run, inputs->frame, position + 1 == run->frames.count);
}

// In this order: who may measure at all, where, with what, what of.
static void open_all(struct run *run, const struct litert *rt) {
    const struct options *o = run->options;
    session_open(&run->session, rt, o->model,
                 (struct session_options){.kernel = o->kernel,
                                          .accelerator = o->accelerator,
                                          .runtime_path = o->runtime,
                                          .threads = o->threads,
                                          .profile = run->traits.profiler});
    frames_read(&run->frames, o->frames, run->session.input_count);
    feed_open(&run->feed, &run->session, &run->frames, &o->recipe);
    run->progress = (struct progress){.pass = run->traits.name, .of = (uint64_t)run->frames.count * o->repetitions};
    capture_open(&run->capture, o->out);
    tensor_log_open(&run->tensors, &run->session, &run->capture, o->pass, o->full_frames, o->byte_budget);
    write_header(run);
    tensor_log_write_specs(&run->tensors);
    write_conditions(run, CONDITIONS_BEFORE);
    capture_flush(&run->capture);
}

static void close_all(struct run *run) {
    profiling_free(&run->profiling);
    feed_close(&run->feed);
    frames_free(&run->frames);
    session_close(&run->session);
}

int passes_run(const struct options *options) {
    watch_start(options->deadline_s, options->tether_stdin);
    if (options->lock) lease_take(options->lock, options->lease);
    told_begin();
    sampler_start(options->sample_ms, options->sample_pss);
    if (options->cpu_mask) affinity_set(options->cpu_mask);
    struct litert rt;
    litert_open(&rt, options->runtime);
    struct run run = {.options = options, .traits = PASS_TRAITS[options->pass]};
    if (run.traits.profiler) {
        void *function;  // ISO C has no cast for it
        memcpy(&function, &rt.CreateEnvironment, sizeof function);
        rusage_refuse(function);
    }
    open_all(&run, &rt);

    if (options->idle_ms) rest(&run);
    sampler_phase(&run.capture, SAMPLE_WARM_UP);
    warm_up(&run);
    sampler_phase(&run.capture, SAMPLE_FRAMES);
    for (size_t i = 0; i < run.frames.count && !stop_requested(); i++) play(&run, i);

    told_end();
    sampler_phase(&run.capture, SAMPLE_OVER);
    write_conditions(&run, CONDITIONS_AFTER);
    int stopped = stop_requested();
    if (!stopped) capture_write_end(&run.capture, (uint32_t)run.invocations);
    uint64_t size = capture_close(&run.capture);
    watch_check_deadline();
    if (!stopped) progress_done(run.invocations, size);
    stopped = stopped ? stopped : stop_requested();
    close_all(&run);
    return stopped ? 128 + stopped : 0;
}
