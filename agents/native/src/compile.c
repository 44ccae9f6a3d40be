#include "compile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accelerator.h"
#include "diagnosis.h"

static void add_toml(const struct litert *rt, LiteRtOptions options, const char *id, const char *toml) {
    char *payload = strdup(toml);
    if (!payload) fail_memory("the options");
    LiteRtOpaqueOptions opaque;
    LiteRtStatus status = rt->CreateOpaqueOptions(id, payload, free, &opaque);
    if (status == LITERT_OK) status = rt->AddOpaqueOptions(options, opaque);
    if (status != LITERT_OK) fail(ERROR_RUNTIME_FAILED, id, "the runtime refused the options: status %d", status);
}

static LiteRtOptions make_options(const struct litert *rt, struct session_options how, const char *kernel) {
    LiteRtOptions options;
    LiteRtStatus status = rt->CreateOptions(&options);
    if (status == LITERT_OK) status = rt->SetOptionsHardwareAccelerators(options, (int)how.accelerator);
    if (status != LITERT_OK) fail(ERROR_RUNTIME_FAILED, "", "the runtime made no options: status %d", status);
    char toml[128];
    snprintf(toml, sizeof toml, "num_threads = %u\nkernel_mode = \"%s\"\n", how.threads, kernel);
    add_toml(rt, options, "xnnpack", toml);
    if (how.profile) add_toml(rt, options, "runtime_options_string", "enable_profiling = true\n");
    return options;
}

static LiteRtStatus try_compile(struct session *s) {
    crash_stage("compiling the model");
    LiteRtStatus status = s->rt->CreateCompiledModel(s->environment, s->model, s->options, &s->compiled);
    crash_stage(NULL);
    return status;
}

void compile(struct session *s, struct session_options how) {
    if (strcmp(how.kernel, "delegate") != 0) {
        // An option key the runtime does not know is silently ignored, a bad value of a known key is not: so a bad one
        // must fail, or a figure said to be of builtin kernels would be XNNPACK's.
        s->options = make_options(s->rt, how, "none-such");
        if (try_compile(s) == LITERT_OK) {
            fail(ERROR_KERNEL_IGNORED, "kernel_mode", "the runtime does not know the option that selects %s kernels",
                 how.kernel);
        }
        s->rt->DestroyOptions(s->options);
        s->compiled = NULL;
        diagnosis_drop();  // the complaint that was asked for
        diagnosis_begin();
    }
    s->options = make_options(s->rt, how, how.kernel);
    LiteRtStatus status = try_compile(s);
    if (status == LITERT_ERROR_MEMORY_ALLOCATION) fail_memory("compiling the model");
    if (status != LITERT_OK && how.accelerator != LITERT_ACCELERATOR_CPU) {
        accelerator_refused(s, how.accelerator, status);
    }
    if (status != LITERT_OK) {
        diagnosis_fail(ERROR_COMPILE_FAILED, s->model_path, "the runtime cannot compile the model (LiteRT status %d)",
                       status);
    }
}
