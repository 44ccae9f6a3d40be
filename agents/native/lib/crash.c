// When the process is about to die, what waits in the rings is written first: by their own threads, which are whole,
// while the one that crashed waits for them a moment. The handler itself calls nothing that is not safe in one.
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

static const int SIGNALS[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
enum { SIGNAL_COUNT = sizeof SIGNALS / sizeof *SIGNALS, WAITS = 100 };

static _Atomic(struct exray_capture *) watched[OPEN_CAPTURES];
static struct sigaction before[SIGNAL_COUNT];
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Atomic int runtime_first;

void crash_runtime_first(void) { atomic_store(&runtime_first, 1); }

static void wait_for(struct exray_capture *x) {
    if (pthread_equal(pthread_self(), x->writer)) return;
    atomic_store(&x->crashing, 1);
    sem_post(&x->wake);
    for (int i = 0; i < WAITS && !atomic_load(&x->crash_written); i++) {
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
}

static const struct sigaction *had(int signal) {
    for (int i = 0; i < SIGNAL_COUNT; i++) {
        if (SIGNALS[i] == signal) return &before[i];
    }
    return NULL;
}

// Gives the signal to who had it before, and tells whether he made it good. Who lets the process die takes handlers
// away, or aborts, and that is heard here, too.
static bool made_good(const struct sigaction *by, int signal, siginfo_t *info, void *context) {
    struct sigaction first, then;
    sigaction(signal, NULL, &first);
    if (by->sa_flags & SA_SIGINFO) by->sa_sigaction(signal, info, context);
    else by->sa_handler(signal);
    sigaction(signal, NULL, &then);
    return then.sa_sigaction == first.sa_sigaction;
}

static void on_crash(int signal, siginfo_t *info, void *context) {
    const struct sigaction *by = had(signal);
    bool asked = atomic_load(&runtime_first) && by->sa_handler != SIG_DFL && by->sa_handler != SIG_IGN;
    if (asked && made_good(by, signal, info, context)) return;
    for (int i = 0; i < OPEN_CAPTURES; i++) {
        struct exray_capture *x = atomic_load(&watched[i]);
        if (x && x->pid == getpid()) wait_for(x);
    }
    if (asked) return;
    // Next to hear of it is who would have been first: the instruction fails again, or what was sent is sent again.
    sigaction(signal, by, NULL);
    if (info->si_code <= 0) raise(signal);
}

static void install(void) {
    for (int i = 0; i < SIGNAL_COUNT; i++) {
        // Asked before it is replaced: another thread's signal may come the moment it is.
        sigaction(SIGNALS[i], NULL, &before[i]);
        struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_ONSTACK | SA_SIGINFO};
        action.sa_mask = before[i].sa_mask;
        sigaction(SIGNALS[i], &action, NULL);
    }
}

void crash_watch(struct exray_capture *x) {
    pthread_once(&once, install);
    for (int i = 0; i < OPEN_CAPTURES; i++) {
        struct exray_capture *none = NULL;
        if (atomic_compare_exchange_strong(&watched[i], &none, x)) return;
    }
}

void crash_unwatch(struct exray_capture *x) {
    for (int i = 0; i < OPEN_CAPTURES; i++) {
        struct exray_capture *own = x;
        if (atomic_compare_exchange_strong(&watched[i], &own, NULL)) return;
    }
}
