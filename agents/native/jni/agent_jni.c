// dev.exray.agent.Agent: the agent in a process of Java's.
#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../src/agent.h"
#include "../src/error.h"
#include "../src/stop.h"
#include "../src/told.h"
#include "agent_crash.h"
#include "dev_exray_agent_Agent.h"
#include "java.h"

#define NATIVE(type, name) JNIEXPORT type JNICALL Java_dev_exray_agent_Agent_##name
#define STATIC jclass class __attribute__((unused))
#define PLAIN JNIEnv *env __attribute__((unused)), STATIC

enum { STACK_SIZE = 8 << 20 };  // as a program's

struct command {
    int argc;
    char **argv;
    int status;
};

static char file[4096];

// The library's own file; in an APK that it was not unpacked from (`.../base.apk!/lib/...`) the APK.
static void find_file(void) {
    Dl_info info;
    if (!dladdr((void *)file, &info) || !info.dli_fname) return;
    snprintf(file, sizeof file, "%s", info.dli_fname);
    char *inside = strstr(file, "!/");
    if (inside) *inside = '\0';
    agent_file = file;
}

static void *work(void *argument) {
    struct command *command = argument;
    agent_crash_install();
    command->status = agent_main(command->argc, command->argv);
    fflush(stdout);
    return NULL;
}

// On a thread that the virtual machine does not know, with a program's stack. Signals but those of a crash stay the
// virtual machine's; a closed stdout shows as EPIPE.
static int run_on_a_thread(struct command *command) {
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, had;
    sigfillset(&all);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) sigdelset(&all, own[i]);
    pthread_sigmask(SIG_SETMASK, &all, &had);
    int error = pthread_attr_init(&attributes);
    if (!error) error = pthread_attr_setstacksize(&attributes, STACK_SIZE);
    if (!error) error = pthread_create(&thread, &attributes, work, command);
    pthread_sigmask(SIG_SETMASK, &had, NULL);
    if (error) fail(ERROR_OUT_OF_MEMORY, "", "the agent's thread does not start: %s", strerror(error));
    pthread_attr_destroy(&attributes);
    pthread_join(thread, NULL);
    return command->status;
}

NATIVE(jint, run)(JNIEnv *env, STATIC, jobjectArray arguments) {
    jsize n = (*env)->GetArrayLength(env, arguments);
    char name[] = "exray-agent";
    char **argv = calloc((size_t)n + 2, sizeof *argv);
    if (!argv) fail_memory("the arguments");
    argv[0] = name;
    for (jsize i = 0; i < n; i++) {
        jbyteArray text = (*env)->GetObjectArrayElement(env, arguments, i);
        argv[i + 1] = java_text(env, text);
        if (!argv[i + 1]) fail_memory("the arguments");
        (*env)->DeleteLocalRef(env, text);
    }
    find_file();
    // Not freed: what the pass left running may still read them.
    return run_on_a_thread(&(struct command){.argc = n + 1, .argv = argv});
}

NATIVE(void, stop)(PLAIN) { stop_request(SIGTERM); }

static int put_over(int fd, int over) {
    while (dup2(fd, over) < 0) {
        if (errno != EINTR) return errno;
    }
    return 0;
}

NATIVE(jint, redirect)(PLAIN, jint out, jint err) {
    int error = put_over(out, STDOUT_FILENO);
    return error ? error : put_over(err, STDERR_FILENO);
}

NATIVE(void, sensor)(JNIEnv *env, STATIC, jbyteArray name, jlong time_ns, jfloatArray values) {
    char text[JAVA_NAME];
    float copy[TOLD_VALUES];
    jsize n = (*env)->GetArrayLength(env, values);
    if (n > TOLD_VALUES) return;
    (*env)->GetFloatArrayRegion(env, values, 0, n, copy);
    told_sensor(java_name(env, name, text), (uint64_t)time_ns, copy, (size_t)n);
}

// Those that were told, in the units that the nodes of /sys have.
static void tell(jlong time_ns, const struct told_figure *all, const jlong *nothing, const jlong *given, size_t n) {
    struct told_figure told[8];
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (given[i] != nothing[i]) told[count++] = all[i];
    }
    told_figures((uint64_t)time_ns, told, count);
}

NATIVE(void, battery)(PLAIN, jlong time_ns, jlong current_ua, jlong charge_uah, jlong voltage_mv, jint percent,
                      jint deci_celsius, jint status) {
    const jlong given[] = {current_ua, charge_uah, voltage_mv, percent, deci_celsius, status};
    const jlong nothing[] = {INT64_MIN, INT64_MIN, INT64_MIN, INT32_MIN, INT32_MIN, INT32_MIN};
    const struct told_figure all[] = {
        {"power/battery-manager/current_now", current_ua},
        {"power/battery-manager/charge_counter", charge_uah},
        {"power/battery-manager/voltage_now", voltage_mv == INT64_MIN ? 0 : voltage_mv * 1000},
        {"power/battery-manager/capacity", percent},
        {"zone/battery-manager/battery", (int64_t)deci_celsius * 100},
        {"power/battery-manager/status", status},
    };
    tell(time_ns, all, nothing, given, sizeof given / sizeof *given);
}

NATIVE(void, thermal)(PLAIN, jlong time_ns, jint status, jfloat headroom) {
    bool known = headroom > -1e6f && headroom < 1e6f;  // and no NaN
    const struct told_figure all[] = {
        {"thermal/severity", status},
        {"thermal/headroom_thousandths", known ? (int64_t)roundf(headroom * 1000) : 0},
    };
    const jlong given[] = {status, known}, nothing[] = {-1, 0};
    tell(time_ns, all, nothing, given, 2);
}

NATIVE(void, memory)(PLAIN, jlong time_ns, jlong pss, jlong native_heap, jlong java_heap) {
    const struct told_figure all[] = {
        {"memory/app/pss_bytes", pss},
        {"memory/app/native_heap_bytes", native_heap},
        {"memory/app/java_heap_bytes", java_heap},
    };
    const jlong given[] = {pss, native_heap, java_heap}, nothing[] = {INT64_MIN, INT64_MIN, INT64_MIN};
    tell(time_ns, all, nothing, given, 3);
}
