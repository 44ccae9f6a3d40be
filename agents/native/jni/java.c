#include "java.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

char *java_text(JNIEnv *env, jbyteArray text) {
    if (!text) return NULL;
    jsize n = (*env)->GetArrayLength(env, text);
    char *copy = malloc((size_t)n + 1);
    if (!copy) return NULL;
    (*env)->GetByteArrayRegion(env, text, 0, n, (jbyte *)copy);
    copy[n] = '\0';
    return copy;
}

const char *java_name(JNIEnv *env, jbyteArray name, char out[JAVA_NAME]) {
    jsize n = name ? (*env)->GetArrayLength(env, name) : 0;
    if (n > JAVA_NAME - 1) n = JAVA_NAME - 1;
    if (name) (*env)->GetByteArrayRegion(env, name, 0, n, (jbyte *)out);
    out[n] = '\0';
    return out;
}

jbyteArray java_bytes(JNIEnv *env, const char *text) {
    jsize n = (jsize)strlen(text);
    jbyteArray bytes = (*env)->NewByteArray(env, n);
    if (bytes) (*env)->SetByteArrayRegion(env, bytes, 0, n, (const jbyte *)text);
    return bytes;
}

struct java_memory java_hold(JNIEnv *env, jobject from, jboolean direct, jlong offset) {
    struct java_memory memory = {.array = direct ? NULL : from};
    memory.start = direct ? (*env)->GetDirectBufferAddress(env, from)
                          : (*env)->GetPrimitiveArrayCritical(env, memory.array, NULL);
    memory.at = memory.start ? (uint8_t *)memory.start + offset : NULL;
    return memory;
}

void java_release(JNIEnv *env, struct java_memory *memory, bool written) {
    if (memory->array && memory->start) {
        (*env)->ReleasePrimitiveArrayCritical(env, memory->array, memory->start, written ? 0 : JNI_ABORT);
    }
}
