#include "options.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

static unsigned number(const char *option, const char *text, unsigned low, unsigned high) {
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || value < low || value > high) {
        fail(ERROR_BAD_USAGE, option, "%s is not a number from %u to %u", text, low, high);
    }
    return (unsigned)value;
}

// A finite decimal number; `*end` is where it stops.
static double real(const char *option, const char *text, char **end) {
    double value = strtod(text, end);
    if (*end == text || !isfinite(value)) fail(ERROR_BAD_USAGE, option, "%s is not a number", text);
    return value;
}

static void three(const char *option, const char *text, double out[3]) {
    char *end;
    for (int i = 0; i < 3; i++, text = end + 1) {
        out[i] = real(option, text, &end);
        // Far outside what a pixel can mean; keeps every quotient within a float.
        if (fabs(out[i]) > 1e6) fail(ERROR_BAD_USAGE, option, "%g is out of range", out[i]);
        if (*end != (i < 2 ? ',' : '\0')) fail(ERROR_BAD_USAGE, option, "not three numbers with commas between them");
    }
}

static enum resize_method method(const char *option, const char *text) {
    for (int i = 0; i < RESIZE_METHODS; i++) {
        if (strcmp(text, RESIZE_NAMES[i]) == 0) return (enum resize_method)i;
    }
    fail(ERROR_BAD_USAGE, option, "%s is not a method of resizing", text);
}

static bool one_of(const char *option, const char *text, const char *first, const char *second) {
    if (strcmp(text, first) != 0 && strcmp(text, second) != 0) {
        fail(ERROR_BAD_USAGE, option, "%s is neither %s nor %s", text, first, second);
    }
    return strcmp(text, second) == 0;
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

static void set(struct options *o, const char *option, char *value) {
    struct preprocess *p = &o->preprocess;
    char *end;
    if (strcmp(option, "--runtime") == 0) {
        o->runtime = value;
    } else if (strcmp(option, "--model") == 0) {
        o->model = value;
    } else if (strcmp(option, "--frames") == 0) {
        o->frames = value;
    } else if (strcmp(option, "--out") == 0) {
        o->out = value;
    } else if (strcmp(option, "--pass") == 0) {
        o->pass = one_of(option, value, "latency", "layers") ? PASS_LAYERS : PASS_LATENCY;
    } else if (strcmp(option, "--kernel") == 0) {
        if (strcmp(value, "delegate") != 0) one_of(option, value, "builtin", "reference");
        o->kernel = value;
    } else if (strcmp(option, "--threads") == 0) {
        o->threads = number(option, value, 1, 256);
    } else if (strcmp(option, "--warmup") == 0) {
        o->warmup = number(option, value, 0, 1000000);
    } else if (strcmp(option, "--repetitions") == 0) {
        o->repetitions = number(option, value, 1, 1000000);
    } else if (strcmp(option, "--label") == 0) {
        label(o, value);
    } else if (strcmp(option, "--rotate") == 0) {
        p->rotate = number(option, value, 0, 270);
        if (p->rotate % 90) fail(ERROR_BAD_USAGE, option, "%s is none of 0, 90, 180, 270", value);
    } else if (strcmp(option, "--crop") == 0) {
        p->crop = real(option, value, &end);
        if (*end || !(p->crop > 0 && p->crop <= 1)) {
            fail(ERROR_BAD_USAGE, option, "%s is not above 0 and at most 1", value);
        }
    } else if (strcmp(option, "--resize") == 0) {
        p->resize = method(option, value);
    } else if (strcmp(option, "--channels") == 0) {
        p->bgr = one_of(option, value, "rgb", "bgr");
    } else if (strcmp(option, "--mean") == 0) {
        three(option, value, p->mean);
    } else if (strcmp(option, "--std") == 0) {
        three(option, value, p->std);
        for (int i = 0; i < 3; i++) {
            if (fabs(p->std[i]) < 1e-6) fail(ERROR_BAD_USAGE, option, "%g is too small to divide by", p->std[i]);
        }
    } else {
        fail(ERROR_BAD_USAGE, option, "no such option");
    }
}

void options_parse(struct options *o, int argc, char **argv) {
    *o = (struct options){
        .kernel = "delegate",
        .threads = 1,
        .warmup = 5,
        .repetitions = 1,
        .preprocess = {.crop = 1, .resize = RESIZE_BILINEAR, .std = {1, 1, 1}},
    };
    for (int i = 0; i < argc; i += 2) {
        if (i + 1 == argc) fail(ERROR_BAD_USAGE, argv[i], "the option lacks its value");
        set(o, argv[i], argv[i + 1]);
    }
    const char *const required[][2] = {
        {"--runtime", o->runtime}, {"--model", o->model}, {"--frames", o->frames}, {"--out", o->out}};
    for (size_t i = 0; i < sizeof required / sizeof *required; i++) {
        if (!required[i][1]) fail(ERROR_BAD_USAGE, required[i][0], "the option is missing");
    }
    if (!o->pass) fail(ERROR_BAD_USAGE, "--pass", "the option is missing");
    if (o->pass == PASS_LAYERS && o->repetitions != 1) {
        fail(ERROR_BAD_USAGE, "--repetitions", "the layers pass runs every frame once");
    }
}
