// dev.exray.agent.Agent: the agent in a process of Java's.
#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../src/agent.h"
#include "../src/error.h"
#include "../src/stop.h"
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
