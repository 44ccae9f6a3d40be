#include "watch.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "stop.h"

enum { STACK_SIZE = 256 << 10, IGNORED_INPUT = 4096 };

static const struct timespec GRACE = {.tv_sec = 2};

static unsigned deadline_s;
static bool watch_stdin;
static uint64_t deadline_ns;  // CLOCK_MONOTONIC
static atomic_bool late;

static void say_late(void) {
    fail(ERROR_DEADLINE_EXCEEDED, "--deadline", "the agent did not end within %u seconds", deadline_s);
}

_Noreturn static void end(int signal_number) {
    stop_request(signal_number);
    nanosleep(&GRACE, NULL);
    if (atomic_load(&late)) say_late();
    _exit(128 + signal_number);
}

static int time_left_ms(void) {
    if (!deadline_s) return -1;
    uint64_t now = monotonic_ns();
    uint64_t left = now < deadline_ns ? (deadline_ns - now + 999999) / 1000000 : 0;
    return left > INT_MAX ? INT_MAX : (int)left;
}

// What comes in on stdin means nothing; only its end does.
static bool at_end(void) {
    char ignored[IGNORED_INPUT];
    ssize_t n = read(STDIN_FILENO, ignored, sizeof ignored);
    return n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN);
}

static void *watch(void *unused) {
    (void)unused;
    for (;;) {
        // No event asked for on stdout: POLLERR and POLLHUP come unasked, when its reader has gone.
        struct pollfd fds[2] = {{.fd = STDOUT_FILENO}, {.fd = STDIN_FILENO, .events = POLLIN}};
        int left = time_left_ms();
        int n = poll(fds, watch_stdin ? 2 : 1, left);
        if (n < 0 && errno != EINTR) return NULL;
        if (n <= 0 && deadline_s && time_left_ms() == 0) {
            atomic_store(&late, true);
            end(SIGALRM);
        }
        if (n <= 0) continue;
        if (fds[0].revents) end(SIGPIPE);
        if (watch_stdin && fds[1].revents && at_end()) end(SIGHUP);
    }
}

void watch_start(unsigned deadline, bool stdin_too) {
    deadline_s = deadline;
    deadline_ns = monotonic_ns() + (uint64_t)deadline * 1000000000;
    watch_stdin = stdin_too;
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    // Signals are the main thread's.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_attr_init(&attributes);
    if (!error) error = pthread_attr_setstacksize(&attributes, STACK_SIZE);
    if (!error) error = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (!error) error = pthread_create(&thread, &attributes, watch, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) fail(ERROR_OUT_OF_MEMORY, "", "the watching thread does not start: %s", strerror(error));
    pthread_attr_destroy(&attributes);
}

void watch_check_deadline(void) {
    if (atomic_load(&late)) say_late();
}
