#include "stop.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

// Set by signals and by the watching thread.
static atomic_int requested;
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "a signal handler may not wait for a lock");

static void on_signal(int signal_number) { atomic_store(&requested, signal_number); }

void stop_install(void) {
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigemptyset(&ignore.sa_mask);
    sigaction(SIGPIPE, &ignore, NULL);  // a closed stdout shows as EPIPE
}

int stop_requested(void) { return atomic_load(&requested); }

void stop_request(int signal_number) { atomic_store(&requested, signal_number); }
