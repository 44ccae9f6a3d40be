// dev.exray.litert.Native: model.h for Java.
#include <stdlib.h>

#include "dev_exray_litert_Native.h"
#include "java.h"
#include "model.h"

#define NATIVE(type, name) JNIEXPORT type JNICALL Java_dev_exray_litert_Native_##name
#define STATIC jclass class __attribute__((unused))
#define PLAIN JNIEnv *env __attribute__((unused)), STATIC

enum {
    TYPE = dev_exray_litert_Native_TYPE,
    INDEX = dev_exray_litert_Native_INDEX,
    ZERO_POINT = dev_exray_litert_Native_ZERO_POINT,
    SIZE = dev_exray_litert_Native_SIZE,
    SHAPE = dev_exray_litert_Native_SHAPE,
};

static struct model *opened(jlong model) { return (struct model *)(intptr_t)model; }

NATIVE(jlong, open)(JNIEnv *env, STATIC, jbyteArray path, jbyteArray runtime, jint threads, jobjectArray why,
                    jintArray status) {
    struct model_error error = {0};
    char *file = java_text(env, path), *library = java_text(env, runtime);
    struct model *m = file && library ? model_open(file, library, (unsigned)threads, &error) : NULL;
    if (!m) {
        jint failed = error.status;
        (*env)->SetIntArrayRegion(env, status, 0, 1, &failed);
        jbyteArray text = java_bytes(env, error.text);
        if (text) (*env)->SetObjectArrayElement(env, why, 0, text);
    }
    free(library), free(file);
    return (jlong)(intptr_t)m;
}

NATIVE(void, close)(PLAIN, jlong model) { model_close(opened(model)); }

NATIVE(jint, inputs)(PLAIN, jlong model) { return (jint)opened(model)->inputs; }

NATIVE(jint, outputs)(PLAIN, jlong model) { return (jint)opened(model)->outputs; }

NATIVE(jlongArray, port)(JNIEnv *env, STATIC, jlong model, jint number) {
    const struct port *port = &opened(model)->ports[number];
    jlong told[SHAPE + LITERT_MAX_RANK] = {
        [TYPE] = port->type,
        [INDEX] = port->index,
        [ZERO_POINT] = port->quantization.zero_point,
        [SIZE] = (jlong)port->size,
    };
    for (uint32_t i = 0; i < port->rank; i++) told[(uint32_t)SHAPE + i] = port->shape[i];
    jsize n = (jsize)((uint32_t)SHAPE + port->rank);
    jlongArray array = (*env)->NewLongArray(env, n);
    if (array) (*env)->SetLongArrayRegion(env, array, 0, n, told);
    return array;
}

NATIVE(jbyteArray, name)(JNIEnv *env, STATIC, jlong model, jint port) {
    return java_bytes(env, opened(model)->ports[port].name);
}

NATIVE(jfloat, scale)(PLAIN, jlong model, jint port) { return opened(model)->ports[port].quantization.scale; }

NATIVE(jint, write)(JNIEnv *env, STATIC, jlong model, jint port, jobject from, jboolean direct, jint offset) {
    struct java_memory memory = java_hold(env, from, direct, offset);
    LiteRtStatus status = LITERT_ERROR_MEMORY_ALLOCATION;
    if (memory.at) status = model_write(opened(model), (size_t)port, memory.at);
    java_release(env, &memory, false);
    return status;
}

NATIVE(jint, read)(JNIEnv *env, STATIC, jlong model, jint port, jobject to) {
    struct java_memory memory = java_hold(env, to, JNI_TRUE, 0);
    return memory.at ? model_read(opened(model), (size_t)port, memory.at) : LITERT_ERROR_MEMORY_ALLOCATION;
}

NATIVE(jint, run)(PLAIN, jlong model) { return model_run(opened(model)); }
