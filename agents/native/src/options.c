#include "options.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "flag.h"

static uint64_t mask(const char *option, const char *text) {
    const char *digits = strncmp(text, "0x", 2) == 0 ? text + 2 : text;
    size_t n = strlen(digits);
    uint64_t value = n <= 16 && n == strspn(digits, "0123456789abcdefABCDEF") ? strtoull(digits, NULL, 16) : 0;
    if (value == 0) fail(ERROR_BAD_USAGE, option, "%s is not a mask of processors in hexadecimal digits", text);
    return value;
}

static enum pass pass(const char *option, const char *text) {
    for (int i = 1; i < PASSES; i++) {
        if (strcmp(text, PASS_TRAITS[i].name) == 0) return (enum pass)i;
    }
    fail(ERROR_BAD_USAGE, option, "%s is none of latency, layers, profile, isolated", text);
}

static void label(struct options *o, char *text) {
    char *equals = strchr(text, '=');
    if (!equals || equals == text) fail(ERROR_BAD_USAGE, "--label", "%s is not KEY=VALUE", text);
    if (strlen(text) > OPTIONS_MAX_LABEL_SIZE) {
        fail(ERROR_BAD_USAGE, "--label", "longer than %d bytes", OPTIONS_MAX_LABEL_SIZE);
    }
    if (o->label_count == OPTIONS_MAX_LABELS) {
        fail(ERROR_BAD_USAGE, "--label", "more than %d labels", OPTIONS_MAX_LABELS);
    }
    *equals = '\0';
    for (size_t i = 0; i < o->label_count; i++) {
        if (strcmp(o->labels[i].key, text) == 0) fail(ERROR_BAD_USAGE, "--label", "%s is given twice", text);
    }
    o->labels[o->label_count++] = (struct label){text, equals + 1};
}

// Options of how long the agent may live. False when it is none of them.
static bool set_life(struct options *o, const char *option, const char *value) {
    if (strcmp(option, "--lease") == 0) {
        o->lease = flag_big_number(option, value, 1);
    } else if (strcmp(option, "--lock") == 0) {
        o->lock = value;
    } else if (strcmp(option, "--deadline") == 0) {
        o->deadline_s = flag_number(option, value, 1, 1000000);
    } else if (strcmp(option, "--tether") == 0) {
        o->tether_stdin = FLAG_ONE_OF(option, value, "none", "stdin") == 1;
    } else {
        return false;
    }
    return true;
}

// Options of the sampler. False when it is none of them.
static bool set_sampler(struct options *o, const char *option, const char *value) {
    if (strcmp(option, "--sample-ms") == 0) {
        o->sample_ms = flag_number(option, value, 0, 60000);
    } else if (strcmp(option, "--sample-pss") == 0) {
        o->sample_pss = FLAG_ONE_OF(option, value, "no", "yes") == 1;
    } else if (strcmp(option, "--idle-ms") == 0) {
        o->idle_ms = flag_number(option, value, 0, 600000);
    } else {
        return false;
    }
    return true;
}

static void set(struct options *o, const char *option, char *value) {
    if (strcmp(option, "--runtime") == 0) {
        o->runtime = value;
    } else if (strcmp(option, "--model") == 0) {
        o->model = value;
    } else if (strcmp(option, "--frames") == 0) {
        o->frames = value;
    } else if (strcmp(option, "--out") == 0) {
        o->out = value;
    } else if (strcmp(option, "--pass") == 0) {
        o->pass = pass(option, value);
    } else if (strcmp(option, "--kernel") == 0) {
        FLAG_ONE_OF(option, value, "delegate", "builtin", "reference");
        o->kernel = value;
    } else if (strcmp(option, "--accelerator") == 0) {
        o->accelerator = (enum litert_accelerator)(1u << FLAG_ONE_OF(option, value, "cpu", "gpu", "npu"));
    } else if (strcmp(option, "--cpu-mask") == 0) {
        o->cpu_mask = mask(option, value);
    } else if (strcmp(option, "--threads") == 0) {
        o->threads = flag_number(option, value, 1, 256);
    } else if (strcmp(option, "--warmup") == 0) {
        o->warmup = flag_number(option, value, 0, 1000000);
    } else if (strcmp(option, "--repetitions") == 0) {
        o->repetitions = flag_number(option, value, 1, 1000000);
    } else if (strcmp(option, "--full-frames") == 0) {
        o->full_frames = flag_number(option, value, 0, UINT32_MAX);
    } else if (strcmp(option, "--byte-budget") == 0) {
        o->byte_budget = flag_big_number(option, value, 0);
    } else if (strcmp(option, "--label") == 0) {
        label(o, value);
    } else if (!set_life(o, option, value) && !set_sampler(o, option, value) &&
               !recipe_set(&o->recipe, option, value)) {
        fail(ERROR_BAD_USAGE, option, "no such option");
    }
}

// What no single option can tell.
static void check(const struct options *o) {
    const char *const required[][2] = {
        {"--runtime", o->runtime}, {"--model", o->model}, {"--frames", o->frames}, {"--out", o->out}};
    for (size_t i = 0; i < sizeof required / sizeof *required; i++) {
        if (!required[i][1]) fail(ERROR_BAD_USAGE, required[i][0], "the option is missing");
    }
    if (!o->pass) fail(ERROR_BAD_USAGE, "--pass", "the option is missing");
    const struct pass_traits *traits = &PASS_TRAITS[o->pass];
    if (traits->all_tensors && o->repetitions != 1) {
        fail(ERROR_BAD_USAGE, "--repetitions", "the %s pass runs every frame once", traits->name);
    }
    if (!traits->all_tensors && (o->full_frames != UINT64_MAX || o->byte_budget)) {
        fail(ERROR_BAD_USAGE, o->byte_budget ? "--byte-budget" : "--full-frames",
             "the %s pass logs no tensors but its outputs", traits->name);
    }
    if (o->accelerator != LITERT_ACCELERATOR_CPU && strcmp(o->kernel, "delegate") != 0) {
        fail(ERROR_BAD_USAGE, "--kernel", "%s kernels run on the CPU alone", o->kernel);
    }
    if ((o->lease != 0) != (o->lock != NULL)) {
        fail(ERROR_BAD_USAGE, o->lock ? "--lease" : "--lock", "--lease and --lock go together");
    }
    recipe_check(&o->recipe);
}

void options_parse(struct options *o, int argc, char **argv) {
    *o = (struct options){
        .kernel = "delegate",
        .accelerator = LITERT_ACCELERATOR_CPU,
        .threads = 1,
        .warmup = 5,
        .repetitions = 1,
        .full_frames = UINT64_MAX,
        .recipe = RECIPE_DEFAULTS,
    };
    for (int i = 0; i < argc; i += 2) {
        if (i + 1 == argc) fail(ERROR_BAD_USAGE, argv[i], "the option lacks its value");
        set(o, argv[i], argv[i + 1]);
    }
    check(o);
}
