// When the process is about to die, what waits in the rings is written first: by their own threads, which are whole,
// while the one that crashed waits for them a moment. The handler itself calls nothing that is not safe in one.
#include <signal.h>
#include <time.h>

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

static void on_crash(int signal, siginfo_t *info, void *context);

// Whether who had the signal before made it good. Who lets the process die takes his handler away, or aborts, and that
// is heard here, too.
static bool made_good(int signal, siginfo_t *info, void *context) {
    for (int i = 0; i < SIGNAL_COUNT; i++) {
        if (SIGNALS[i] != signal) continue;
        if (before[i].sa_handler == SIG_DFL || before[i].sa_handler == SIG_IGN) return false;
        if (before[i].sa_flags & SA_SIGINFO) before[i].sa_sigaction(signal, info, context);
        else before[i].sa_handler(signal);
    }
    struct sigaction now;
    return sigaction(signal, NULL, &now) == 0 && now.sa_sigaction == on_crash;
}

static void on_crash(int signal, siginfo_t *info, void *context) {
    if (atomic_load(&runtime_first) && made_good(signal, info, context)) return;
    for (int i = 0; i < OPEN_CAPTURES; i++) {
        struct exray_capture *x = atomic_load(&watched[i]);
        if (x) wait_for(x);
    }
    // Next to hear of it is who would have been first: the instruction fails again, or what was sent is sent again.
    for (int i = 0; i < SIGNAL_COUNT; i++) {
        if (SIGNALS[i] == signal) sigaction(signal, &before[i], NULL);
    }
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
