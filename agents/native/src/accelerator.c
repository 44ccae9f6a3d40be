#include "accelerator.h"

#include <stdio.h>
#include <string.h>

#include "diagnosis.h"

const char *accelerator_name(enum litert_accelerator accelerator) {
    return accelerator == LITERT_ACCELERATOR_GPU ? "gpu" : accelerator == LITERT_ACCELERATOR_NPU ? "npu" : "cpu";
}

// Whether the environment has one that says it is for this hardware.
static bool present(const struct litert *rt, LiteRtEnvironment environment, enum litert_accelerator accelerator) {
    size_t n = 0;
    if (rt->GetNumAccelerators(environment, &n) != LITERT_OK) return false;
    for (size_t i = 0; i < n; i++) {
        LiteRtAccelerator candidate;
        int hardware = 0;
        if (rt->GetAccelerator(environment, i, &candidate) == LITERT_OK &&
            rt->GetAcceleratorHardwareSupport(candidate, &hardware) == LITERT_OK && (hardware & (int)accelerator)) {
            return true;
        }
    }
    return false;
}

void accelerator_open(struct session *s, struct session_options how) {
    // Vendors' drivers and the runtime's own for the GPU are files beside it.
    char folder[4096];
    const char *slash = strrchr(how.runtime_path, '/');
    int length = slash ? (int)(slash - how.runtime_path) : 1;
    snprintf(folder, sizeof folder, "%.*s", slash == how.runtime_path ? 1 : length, slash ? how.runtime_path : ".");
    const LiteRtEnvOption options[] = {
        {LITERT_ENV_MIN_LOGGER_SEVERITY, {LITERT_ANY_INT, {.int_value = LITERT_SEVERITY_ERROR}}},
        // Only this one: looking for the others takes time and opens drivers.
        {LITERT_ENV_AUTO_REGISTER_ACCELERATORS, {LITERT_ANY_INT, {.int_value = (int64_t)how.accelerator}}},
        {LITERT_ENV_RUNTIME_LIBRARY_DIR, {LITERT_ANY_STRING, {.string_value = folder}}},
        {LITERT_ENV_DISPATCH_LIBRARY_DIR, {LITERT_ANY_STRING, {.string_value = folder}}},
    };
    bool elsewhere = how.accelerator != LITERT_ACCELERATOR_CPU;
    crash_stage("starting");
    LiteRtStatus status = s->rt->CreateEnvironment(elsewhere ? 4 : 2, options, &s->environment);
    crash_stage(NULL);
    if (status != LITERT_OK && !elsewhere) {
        diagnosis_fail(ERROR_RUNTIME_FAILED, "", "LiteRtCreateEnvironment failed with status %d", status);
    }
    if (elsewhere && (status != LITERT_OK || !present(s->rt, s->environment, how.accelerator))) {
        diagnosis_fail(ERROR_ACCELERATOR_MISSING, accelerator_name(how.accelerator),
                       "the runtime finds no %s on this device, or no driver for it in %s",
                       accelerator_name(how.accelerator), folder);
    }
}

void accelerator_refused(const struct session *s, enum litert_accelerator accelerator, int status) {
    const char *name = accelerator_name(accelerator);
    // A GPU that does not take every operator; one that is not there fails otherwise. An NPU fails like this, too, when
    // there is none, and the runtime does not say which it was.
    if (accelerator == LITERT_ACCELERATOR_GPU && status == LITERT_ERROR_COMPILATION) {
        diagnosis_fail(ERROR_COMPILE_FAILED, s->model_path,
                       "not all of the model's operators run on the %s (LiteRT status %d)", name, status);
    }
    diagnosis_fail(ERROR_ACCELERATOR_MISSING, name,
                   "this device has no %s that the runtime can use, or none for this model (LiteRT status %d)", name,
                   status);
}

void accelerator_check(const struct session *s, struct session_options how) {
    if (how.accelerator == LITERT_ACCELERATOR_CPU || s->fully_accelerated) return;
    diagnosis_fail(ERROR_ACCELERATOR_UNUSED, s->model_path, "the runtime does not run all of the model on the %s",
                   accelerator_name(how.accelerator));
}
