// What stands for bionic's libc.so when Android's agent runs on Linux: the names, the constants and the sizes of types that
// differ from glibc's. All else it asks for are glibc's own functions, whose types are the kernel's in both.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *next(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL) abort();
    return found;
}

#define GLIBC(name) ((__typeof__(&name))next(#name))

int *__errno(void);
int *__errno(void) { return __errno_location(); }

_Noreturn void __libc_init(uintptr_t *, void (*)(void), int (*)(int, char **, char **), const void *);
_Noreturn void __libc_init(uintptr_t *arguments, void (*unused)(void), int (*run)(int, char **, char **),
                           const void *structors) {
    (void)unused, (void)structors;
    int argc = (int)arguments[0];
    char **argv = (char **)(arguments + 1);
    exit(run(argc, argv, argv + argc + 1));
}

long sysconf(int name) { return GLIBC(sysconf)(name == 0x27 ? _SC_PAGESIZE : name); }

// Sets of signals: 8 bytes in bionic.

struct action {
    int flags;
    void *handler;
    uint64_t mask;
    void (*restorer)(void);
};

static sigset_t widened(uint64_t from) {
    sigset_t to = {0};
    memcpy(&to, &from, sizeof from);
    return to;
}

static uint64_t narrowed(const sigset_t *from) {
    uint64_t to;
    memcpy(&to, from, sizeof to);
    return to;
}

int sigemptyset(sigset_t *set) { return memset(set, 0, 8), 0; }
int sigfillset(sigset_t *set) { return memset(set, 0xff, 8), 0; }

int sigaction(int number, const struct sigaction *asked, struct sigaction *before) {
    const struct action *theirs = (const void *)asked;
    struct sigaction ours = {0}, was;
    if (theirs != NULL) {
        ours.sa_flags = theirs->flags;
        ours.sa_sigaction = (void (*)(int, siginfo_t *, void *))theirs->handler;
        ours.sa_mask = widened(theirs->mask);
    }
    int answer = GLIBC(sigaction)(number, theirs != NULL ? &ours : NULL, &was);
    if (answer == 0 && before != NULL) {
        *(struct action *)(void *)before =
            (struct action){.flags = was.sa_flags, .handler = (void *)was.sa_sigaction, .mask = narrowed(&was.sa_mask)};
    }
    return answer;
}

int pthread_sigmask(int how, const sigset_t *asked, sigset_t *before) {
    sigset_t ours, was;
    if (asked != NULL) ours = widened(*(const uint64_t *)(const void *)asked);
    int answer = GLIBC(pthread_sigmask)(how, asked != NULL ? &ours : NULL, &was);
    if (answer == 0 && before != NULL) *(uint64_t *)(void *)before = narrowed(&was);
    return answer;
}

// What glibc has larger, on some machines: in the place of bionic's stands a pointer to one; zeros are one not made yet.

static void *held(void *place, size_t size) {
    _Atomic(void *) *slot = place;
    void *there = atomic_load(slot);
    if (there != NULL) return there;
    void *made = calloc(1, size);
    if (made == NULL) abort();
    if (atomic_compare_exchange_strong(slot, &there, made)) return made;
    free(made);
    return there;
}

static int let_go(void *place, int answer) {
    free(*(void **)place);
    *(void **)place = NULL;
    return answer;
}

#define MUTEX(mutex) ((pthread_mutex_t *)held(mutex, sizeof(pthread_mutex_t)))
#define CONDITION(condition) ((pthread_cond_t *)held(condition, sizeof(pthread_cond_t)))
#define ATTRIBUTES(how) ((pthread_attr_t *)held(how, sizeof(pthread_attr_t)))
#define SEMAPHORE(semaphore) ((sem_t *)held(semaphore, sizeof(sem_t)))

int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *how) {
    *(void **)(void *)mutex = NULL;
    return how == NULL ? GLIBC(pthread_mutex_init)(MUTEX(mutex), NULL) : ENOTSUP;
}
int pthread_mutex_destroy(pthread_mutex_t *mutex) { return let_go(mutex, GLIBC(pthread_mutex_destroy)(MUTEX(mutex))); }
int pthread_mutex_lock(pthread_mutex_t *mutex) { return GLIBC(pthread_mutex_lock)(MUTEX(mutex)); }
int pthread_mutex_unlock(pthread_mutex_t *mutex) { return GLIBC(pthread_mutex_unlock)(MUTEX(mutex)); }

int pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *how) {
    *(void **)(void *)condition = NULL;
    return how == NULL ? GLIBC(pthread_cond_init)(CONDITION(condition), NULL) : ENOTSUP;
}
int pthread_cond_destroy(pthread_cond_t *condition) {
    return let_go(condition, GLIBC(pthread_cond_destroy)(CONDITION(condition)));
}
int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex) {
    return GLIBC(pthread_cond_wait)(CONDITION(condition), MUTEX(mutex));
}
int pthread_cond_broadcast(pthread_cond_t *condition) { return GLIBC(pthread_cond_broadcast)(CONDITION(condition)); }

int pthread_attr_init(pthread_attr_t *how) {
    *(void **)(void *)how = NULL;
    return GLIBC(pthread_attr_init)(ATTRIBUTES(how));
}
int pthread_attr_destroy(pthread_attr_t *how) { return let_go(how, GLIBC(pthread_attr_destroy)(ATTRIBUTES(how))); }
int pthread_attr_setdetachstate(pthread_attr_t *how, int state) {
    return GLIBC(pthread_attr_setdetachstate)(ATTRIBUTES(how), state);
}
int pthread_attr_setstacksize(pthread_attr_t *how, size_t size) {
    return GLIBC(pthread_attr_setstacksize)(ATTRIBUTES(how), size);
}
int pthread_create(pthread_t *out, const pthread_attr_t *how, void *(*run)(void *), void *with) {
    return GLIBC(pthread_create)(out, how != NULL ? ATTRIBUTES((void *)(uintptr_t)how) : NULL, run, with);
}

int sem_init(sem_t *semaphore, int shared, unsigned value) {
    *(void **)(void *)semaphore = NULL;
    return GLIBC(sem_init)(SEMAPHORE(semaphore), shared, value);
}
int sem_destroy(sem_t *semaphore) { return let_go(semaphore, GLIBC(sem_destroy)(SEMAPHORE(semaphore))); }
int sem_post(sem_t *semaphore) { return GLIBC(sem_post)(SEMAPHORE(semaphore)); }
int sem_getvalue(sem_t *semaphore, int *out) { return GLIBC(sem_getvalue)(SEMAPHORE(semaphore), out); }
int sem_timedwait(sem_t *semaphore, const struct timespec *until) {
    return GLIBC(sem_timedwait)(SEMAPHORE(semaphore), until);
}
