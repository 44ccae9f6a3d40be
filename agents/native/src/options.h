// The command line of `exray-agent run`.
#ifndef EXRAY_OPTIONS_H
#define EXRAY_OPTIONS_H

#include "capture.h"
#include "recipe.h"

enum { OPTIONS_MAX_LABELS = 256, OPTIONS_MAX_LABEL_SIZE = 4096 };

struct options {
    const char *runtime, *model, *frames, *out;
    enum pass pass;
    const char *kernel;
    enum litert_accelerator accelerator;
    unsigned threads, warmup, repetitions;
    uint64_t cpu_mask;     // 0: as it is
    uint64_t full_frames;  // with all their tensors' bytes
    uint64_t byte_budget;  // of tensor data, 0: none
    const char *lock;      // NULL: no lease
    uint64_t lease;        // its fencing token
    unsigned deadline_s;   // 0: none
    bool tether_stdin;
    unsigned sample_ms;    // 0: no sampler
    bool sample_pss;
    unsigned idle_ms;      // of doing nothing, before the warm-up
    struct label labels[OPTIONS_MAX_LABELS];
    size_t label_count;
    struct recipe recipe;
};

// Parses what follows `run`, cutting labels at their `=` in place, or fails with bad-usage.
void options_parse(struct options *options, int argc, char **argv);

#endif
