#include "recipe.h"

#include <math.h>
#include <string.h>

#include "error.h"
#include "flag.h"

const struct recipe RECIPE_DEFAULTS = {
    .image = {.crop = 1, .resize = RESIZE_BILINEAR, .std = {1, 1, 1}},
    .audio = {.sample_rate = 16000,
              .features = {.frame_length = 480, .frame_step = 320, .fft_length = 512, .mel_bins = 40, .low_hz = 20,
                           .high_hz = 4000, .log_floor = 1e-6, .coefficients = 10},
              .std = 1},
    .text = {.role_count = 1},
};

static void three(const char *option, const char *text, double out[3]) {
    char *end;
    for (int i = 0; i < 3; i++, text = end + 1) {
        out[i] = flag_real_until(option, text, &end);
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

// Between `low`, which is not allowed, and `high`.
static double above(const char *option, const char *text, double low, double high) {
    double value = flag_real(option, text);
    if (!(value > low && value <= high)) {
        fail(ERROR_BAD_USAGE, option, "%s is not above %g and at most %g", text, low, high);
    }
    return value;
}

static bool set_image(struct preprocess *p, const char *option, const char *value) {
    if (strcmp(option, "--rotate") == 0) {
        p->rotate = flag_number(option, value, 0, 270);
        if (p->rotate % 90) fail(ERROR_BAD_USAGE, option, "%s is none of 0, 90, 180, 270", value);
    } else if (strcmp(option, "--crop") == 0) {
        p->crop = above(option, value, 0, 1);
    } else if (strcmp(option, "--resize") == 0) {
        p->resize = method(option, value);
    } else if (strcmp(option, "--fit") == 0) {
        p->letterbox = FLAG_ONE_OF(option, value, "stretch", "letterbox") == 1;
    } else if (strcmp(option, "--pad") == 0) {
        p->pad = (uint8_t)flag_number(option, value, 0, 255);
    } else if (strcmp(option, "--channels") == 0) {
        p->bgr = FLAG_ONE_OF(option, value, "rgb", "bgr") == 1;
    } else if (strcmp(option, "--mean") == 0) {
        three(option, value, p->mean);
    } else if (strcmp(option, "--std") == 0) {
        three(option, value, p->std);
        for (int i = 0; i < 3; i++) {
            if (fabs(p->std[i]) < 1e-6) fail(ERROR_BAD_USAGE, option, "%g is too small to divide by", p->std[i]);
        }
    } else {
        return false;
    }
    return true;
}

static bool set_features(struct features *f, const char *option, const char *value) {
    if (strcmp(option, "--features") == 0) {
        f->kind = (enum features_kind)flag_one_of(option, value, FEATURES_KINDS);
    } else if (strcmp(option, "--window") == 0) {
        f->window = (enum features_window)flag_one_of(option, value, FEATURES_WINDOWS);
    } else if (strcmp(option, "--frame-length") == 0) {
        f->frame_length = flag_number(option, value, 1, FEATURES_MAX_FRAME);
    } else if (strcmp(option, "--frame-step") == 0) {
        f->frame_step = flag_number(option, value, 1, FEATURES_MAX_FRAME);
    } else if (strcmp(option, "--fft-length") == 0) {
        f->fft_length = flag_number(option, value, 2, FEATURES_MAX_FFT);
        if (f->fft_length & (f->fft_length - 1)) fail(ERROR_BAD_USAGE, option, "%s is not a power of two", value);
    } else if (strcmp(option, "--spectrum") == 0) {
        f->power = FLAG_ONE_OF(option, value, "magnitude", "power") == 1;
    } else if (strcmp(option, "--mel-bins") == 0) {
        f->mel_bins = flag_number(option, value, 1, FEATURES_MAX_BINS);
    } else if (strcmp(option, "--low-hz") == 0) {
        f->low_hz = flag_real(option, value);
        if (f->low_hz < 0) fail(ERROR_BAD_USAGE, option, "%s is below 0", value);
    } else if (strcmp(option, "--high-hz") == 0) {
        f->high_hz = above(option, value, 0, CLIP_MAX_RATE);
    } else if (strcmp(option, "--log") == 0) {
        f->log = (enum features_log)flag_one_of(option, value, FEATURES_LOGS);
    } else if (strcmp(option, "--log-floor") == 0) {
        f->log_floor = above(option, value, 0, HUGE_VAL);
    } else if (strcmp(option, "--coefficients") == 0) {
        f->coefficients = flag_number(option, value, 1, FEATURES_MAX_BINS);
    } else {
        return false;
    }
    return true;
}

static bool set_audio(struct audio *a, const char *option, const char *value) {
    if (strcmp(option, "--sample-rate") == 0) {
        a->sample_rate = flag_number(option, value, CLIP_MIN_RATE, CLIP_MAX_RATE);
    } else if (strcmp(option, "--channel") == 0) {
        a->channel = (enum audio_channel)flag_one_of(option, value, AUDIO_CHANNELS);
    } else if (strcmp(option, "--scale") == 0) {
        a->int16 = FLAG_ONE_OF(option, value, "unit", "int16") == 1;
    } else if (strcmp(option, "--audio-mean") == 0) {
        a->mean = flag_real(option, value);
    } else if (strcmp(option, "--audio-std") == 0) {
        a->std = above(option, value, 0, HUGE_VAL);
    } else {
        return set_features(&a->features, option, value);
    }
    return true;
}

// Cuts the value at its commas, in place.
static void roles(struct tokenize *t, const char *option, char *value) {
    t->role_count = 0;
    for (char *next; value; value = next) {
        next = strchr(value, ',');
        if (next) *next++ = '\0';
        if (t->role_count == TEXT_MAX_INPUTS) fail(ERROR_BAD_USAGE, option, "more than %d inputs", TEXT_MAX_INPUTS);
        t->roles[t->role_count++] = (enum text_role)flag_one_of(option, value, TEXT_ROLES);
    }
}

static bool set_text(struct tokenize *t, const char *option, char *value) {
    if (strcmp(option, "--vocabulary") == 0) {
        t->vocabulary = value;
    } else if (strcmp(option, "--tokenizer") == 0) {
        t->wordpiece = flag_one_of(option, value, TEXT_TOKENIZERS) == 1;
    } else if (strcmp(option, "--lowercase") == 0) {
        t->keep_case = FLAG_ONE_OF(option, value, "yes", "no") == 1;
    } else if (strcmp(option, "--padding") == 0) {
        t->pad_left = FLAG_ONE_OF(option, value, "right", "left") == 1;
    } else if (strcmp(option, "--truncation") == 0) {
        t->cut_head = FLAG_ONE_OF(option, value, "tail", "head") == 1;
    } else if (strcmp(option, "--start-id") == 0) {
        t->start = flag_integer(option, value);
        t->has_start = true;
    } else if (strcmp(option, "--end-id") == 0) {
        t->end = flag_integer(option, value);
        t->has_end = true;
    } else if (strcmp(option, "--unknown-id") == 0) {
        t->unknown = flag_integer(option, value);
    } else if (strcmp(option, "--pad-id") == 0) {
        t->pad = flag_integer(option, value);
    } else if (strcmp(option, "--text-inputs") == 0) {
        roles(t, option, value);
    } else {
        return false;
    }
    return true;
}

bool recipe_set(struct recipe *recipe, const char *option, char *value) {
    return set_image(&recipe->image, option, value) || set_audio(&recipe->audio, option, value) ||
           set_text(&recipe->text, option, value);
}

void recipe_check(const struct recipe *recipe) {
    const struct features *f = &recipe->audio.features;
    if (f->kind == FEATURES_WAVEFORM) return;
    if (f->fft_length < f->frame_length) {
        fail(ERROR_BAD_USAGE, "--fft-length", "%u is less than a frame's %u samples", f->fft_length, f->frame_length);
    }
    if (f->low_hz >= f->high_hz) {
        fail(ERROR_BAD_USAGE, "--low-hz", "%g is not below the %g of --high-hz", f->low_hz, f->high_hz);
    }
    if (f->high_hz * 2 > recipe->audio.sample_rate) {
        fail(ERROR_BAD_USAGE, "--high-hz", "%g is more than half of the %u samples a second", f->high_hz,
             recipe->audio.sample_rate);
    }
    if (f->kind == FEATURES_MFCC && f->coefficients > f->mel_bins) {
        fail(ERROR_BAD_USAGE, "--coefficients", "%u of %u mel bins", f->coefficients, f->mel_bins);
    }
}
