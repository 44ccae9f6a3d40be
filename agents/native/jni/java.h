// What Java hands over, as C reads it.
#ifndef EXRAY_JAVA_H
#define EXRAY_JAVA_H

#include <jni.h>
#include <stdbool.h>

enum { JAVA_NAME = 256 };

// A text, which ends with a zero already, as a copy of the heap's; NULL where there is none, or no memory.
char *java_text(JNIEnv *env, jbyteArray text);
// A name into `out`; one that is too long is cut, and none is empty.
const char *java_name(JNIEnv *env, jbyteArray name, char out[JAVA_NAME]);
jbyteArray java_bytes(JNIEnv *env, const char *text);

// Memory of Java while C reads or writes it where it lies. In between no other function of JNI may be called: the
// garbage collector may be waiting.
struct java_memory {
    jarray array;  // NULL: a direct buffer, which stays where it is
    void *start;
    void *at;  // NULL: there is none
};
struct java_memory java_hold(JNIEnv *env, jobject from, jboolean direct, jlong offset);
// `written`: to be kept.
void java_release(JNIEnv *env, struct java_memory *memory, bool written);

#endif
