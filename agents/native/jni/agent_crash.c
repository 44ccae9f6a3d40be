#include "agent_crash.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>

#include "../src/error.h"

static const int SIGNALS[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
enum { SIGNAL_COUNT = sizeof SIGNALS / sizeof *SIGNALS };

// A thread has the name of who began it until it takes another: the runtime's are the agent's.
static const char NAME[] = "exray-agent";

static struct sigaction before[SIGNAL_COUNT];

static bool is_ours(void) {
    char name[16] = {0};
    return prctl(PR_GET_NAME, name, 0, 0, 0) == 0 && strcmp(name, NAME) == 0;
}

static void hand_on(const struct sigaction *to, int signal, siginfo_t *info, void *context) {
    if (!(to->sa_flags & SA_SIGINFO) && (to->sa_handler == SIG_DFL || to->sa_handler == SIG_IGN)) {
        // The instruction fails again, or what was sent is sent again.
        sigaction(signal, to, NULL);
        if (info->si_code <= 0) raise(signal);
    } else if (to->sa_flags & SA_SIGINFO) {
        to->sa_sigaction(signal, info, context);
    } else {
        to->sa_handler(signal);
    }
}

static void on_crash(int signal, siginfo_t *info, void *context) {
    if (is_ours()) crash_say(signal);
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        if (SIGNALS[i] == signal) hand_on(&before[i], signal, info, context);
    }
}

void agent_crash_install(void) {
    static uint8_t stack[65536];  // of its own: the crash may be an overflow of the usual one
    static bool installed;
    stack_t alternative = {.ss_sp = stack, .ss_size = sizeof stack};
    prctl(PR_SET_NAME, NAME, 0, 0, 0);
    sigaltstack(&alternative, NULL);
    if (installed) return;
    installed = true;
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        // Asked before it is replaced: another thread's signal may come the moment it is.
        sigaction(SIGNALS[i], NULL, &before[i]);
        struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_ONSTACK | SA_SIGINFO};
        action.sa_mask = before[i].sa_mask;
        sigaction(SIGNALS[i], &action, NULL);
    }
}
