// The command line of `exray-agent run`.
#ifndef EXRAY_OPTIONS_H
#define EXRAY_OPTIONS_H

#include "capture.h"
#include "preprocess.h"

enum { OPTIONS_MAX_LABELS = 256, OPTIONS_MAX_LABEL_SIZE = 4096 };

struct options {
    const char *runtime, *model, *frames, *out;
    enum pass pass;
    const char *kernel;
    unsigned threads, warmup, repetitions;
    struct label labels[OPTIONS_MAX_LABELS];
    size_t label_count;
    struct preprocess preprocess;
};

// Parses what follows `run`, cutting labels at their `=` in place, or fails with bad-usage.
void options_parse(struct options *options, int argc, char **argv);

#endif
