// dev.exray.Native: exray.h for Java.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/log.h"
#include "dev_exray_Native.h"
#include "java.h"

#define NATIVE(type, name) JNIEXPORT type JNICALL Java_dev_exray_Native_##name
#define STATIC jclass class __attribute__((unused))
#define PLAIN JNIEnv *env __attribute__((unused)), STATIC

enum role {
    INPUT = dev_exray_Native_INPUT,
    OUTPUT = dev_exray_Native_OUTPUT,
    LAYER = dev_exray_Native_LAYER,
    ELEMENT = dev_exray_Native_ELEMENT,
};
enum { TOTALS = 6, SENSOR_VALUES = 2 * EXRAY_MAX_RANK };

static exray_capture *opened(jlong log) { return (exray_capture *)(intptr_t)log; }

JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM *vm, void *reserved) {
    (void)vm, (void)reserved;
    crash_runtime_first();
    return JNI_VERSION_1_6;
}

// Labels as exray_options has them; NULL where memory ran out.
static char **read_labels(JNIEnv *env, jobjectArray from) {
    jsize n = (*env)->GetArrayLength(env, from);
    char **labels = calloc((size_t)n + 1, sizeof *labels);
    for (jsize i = 0; labels && i < n; i++) {
        jbyteArray text = (*env)->GetObjectArrayElement(env, from, i);
        labels[i] = java_text(env, text);
        (*env)->DeleteLocalRef(env, text);
    }
    return labels;
}

static void free_labels(char **labels) {
    for (size_t i = 0; labels && labels[i]; i++) free(labels[i]);
    free(labels);
}

NATIVE(jlong, open)(JNIEnv *env, STATIC, jbyteArray path, jbyteArray app, jbyteArray model, jobjectArray labels,
                    jint sampling, jint n, jlong byte_budget, jlong ring, jboolean memory, jboolean signals,
                    jobjectArray why) {
    char *file = java_text(env, path), *name = java_text(env, app), *runs = java_text(env, model);
    char **pairs = read_labels(env, labels);
    exray_options options = {
        .size = sizeof options,
        .app = name,
        .model = runs,
        .labels = (const char *const *)pairs,
        .sampling = (exray_sampling)sampling,
        .n = (uint32_t)n,
        .byte_budget = (uint64_t)byte_budget,
        .ring = (size_t)ring,
        .no_memory = !memory,
        .no_signals = !signals,
    };
    exray_capture *x = file ? exray_open(file, &options) : NULL;
    if (!x) {
        jbyteArray reason = java_bytes(env, file ? exray_error() : "a capture needs a path");
        if (reason) (*env)->SetObjectArrayElement(env, why, 0, reason);
    }
    free_labels(pairs);
    free(runs), free(name), free(file);
    return (jlong)(intptr_t)x;
}

static void tell(JNIEnv *env, jlongArray to, const exray_totals *totals) {
    const jlong fields[TOTALS] = {
        (jlong)totals->frames,        (jlong)totals->bytes,       (jlong)totals->dropped,
        (jlong)totals->dropped_bytes, (jlong)totals->over_budget, totals->error,
    };
    (*env)->SetLongArrayRegion(env, to, 0, TOTALS, fields);
}

NATIVE(jint, close)(JNIEnv *env, STATIC, jlong log, jlongArray to) {
    exray_totals totals;
    int error = exray_close(opened(log), &totals);
    tell(env, to, &totals);
    return error;
}

NATIVE(jint, flush)(PLAIN, jlong log) { return exray_flush(opened(log)); }

NATIVE(void, count)(JNIEnv *env, STATIC, jlong log, jlongArray to) {
    exray_totals totals;
    exray_count(opened(log), &totals);
    tell(env, to, &totals);
}

NATIVE(jbyteArray, reason)(JNIEnv *env, STATIC, jint error) { return java_bytes(env, strerror(error)); }

NATIVE(jint, frameStart)(JNIEnv *env, STATIC, jlong log, jbyteArray name) {
    char text[JAVA_NAME];
    return (jint)exray_frame_start(opened(log), java_name(env, name, text));
}

NATIVE(void, frameStop)(PLAIN, jlong log, jint frame) { exray_frame_stop(opened(log), (exray_frame)frame); }

NATIVE(void, inferenceStart)(PLAIN, jlong log, jint frame) { exray_inference_start(opened(log), (exray_frame)frame); }

NATIVE(void, inferenceStop)(PLAIN, jlong log, jint frame) { exray_inference_stop(opened(log), (exray_frame)frame); }

NATIVE(jboolean, wanted)(PLAIN, jlong log, jint frame) {
    return log_wanted(opened(log), (exray_frame)frame) != NULL;
}

static void log_as(enum role role, exray_capture *x, exray_frame frame, uint32_t position, const exray_tensor *tensor) {
    switch (role) {
        case INPUT: exray_log_input(x, frame, position, tensor); return;
        case OUTPUT: exray_log_output(x, frame, position, tensor); return;
        case LAYER: exray_log_layer(x, frame, tensor); return;
        case ELEMENT: exray_log_tensor(x, frame, tensor); return;
    }
}

NATIVE(void, tensor)(JNIEnv *env, STATIC, jlong log, jint frame, jint role, jint position, jbyteArray name, jint type,
                     jlongArray shape, jfloat scale, jlong zero_point, jint index, jobject from, jboolean direct,
                     jlong offset, jlong size) {
    char text[JAVA_NAME];
    jlong sides[EXRAY_MAX_RANK];
    exray_tensor tensor = {
        .name = java_name(env, name, text),
        .type = (exray_type)type,
        .rank = (uint32_t)(*env)->GetArrayLength(env, shape),
        .scale = scale,
        .zero_point = zero_point,
        .index = index,
    };
    (*env)->GetLongArrayRegion(env, shape, 0, (jsize)tensor.rank, sides);
    for (uint32_t i = 0; i < tensor.rank; i++) tensor.shape[i] = sides[i];
    struct java_memory memory = java_hold(env, from, direct, offset);
    tensor.data = memory.at;
    if (log_tensor_size(&tensor) == (size_t)size) {
        log_as((enum role)role, opened(log), (exray_frame)frame, (uint32_t)position, &tensor);
    }
    java_release(env, &memory, false);
}

NATIVE(void, image)(JNIEnv *env, STATIC, jlong log, jint frame, jbyteArray name, jbyteArray format, jint width,
                    jint height, jlong row_stride, jobject from, jboolean direct, jlong offset) {
    char text[JAVA_NAME], word[JAVA_NAME];
    java_name(env, name, text), java_name(env, format, word);
    struct java_memory memory = java_hold(env, from, direct, offset);
    exray_log_image(opened(log), (exray_frame)frame, text, word, (uint32_t)width, (uint32_t)height, (size_t)row_stride,
                    memory.at);
    java_release(env, &memory, false);
}

NATIVE(void, bytes)(JNIEnv *env, STATIC, jlong log, jint frame, jbyteArray name, jobject from, jboolean direct,
                    jlong offset, jlong size) {
    char text[JAVA_NAME];
    java_name(env, name, text);
    struct java_memory memory = java_hold(env, from, direct, offset);
    exray_log_bytes(opened(log), (exray_frame)frame, text, memory.at, (size_t)size);
    java_release(env, &memory, false);
}

NATIVE(void, text)(JNIEnv *env, STATIC, jlong log, jint frame, jbyteArray name, jbyteArray text) {
    char called[JAVA_NAME];
    java_name(env, name, called);
    struct java_memory memory = java_hold(env, text, JNI_FALSE, 0);
    exray_log_text(opened(log), (exray_frame)frame, called, memory.at);
    java_release(env, &memory, false);
}

NATIVE(void, scalar)(JNIEnv *env, STATIC, jlong log, jint frame, jbyteArray name, jdouble value) {
    char text[JAVA_NAME];
    exray_log_scalar(opened(log), (exray_frame)frame, java_name(env, name, text), value);
}

NATIVE(jlong, now)(PLAIN) { return (jlong)exray_now(); }

NATIVE(void, span)(JNIEnv *env, STATIC, jlong log, jint frame, jbyteArray name, jlong since) {
    char text[JAVA_NAME];
    exray_log_span(opened(log), (exray_frame)frame, java_name(env, name, text), (uint64_t)since);
}

NATIVE(void, sensor)(JNIEnv *env, STATIC, jlong log, jbyteArray name, jdoubleArray values) {
    char text[JAVA_NAME];
    double copy[SENSOR_VALUES];
    jsize n = (*env)->GetArrayLength(env, values);
    if (n > SENSOR_VALUES) return;
    (*env)->GetDoubleArrayRegion(env, values, 0, n, copy);
    exray_log_sensor(opened(log), java_name(env, name, text), copy, (uint32_t)n);
}

NATIVE(void, broken)(JNIEnv *env, STATIC, jlong log, jint frame, jbyteArray what) {
    char text[JAVA_NAME];
    exray_assert(opened(log), (exray_frame)frame, 0, java_name(env, what, text));
}
