#pragma once

#include <sys/types.h>

typedef unsigned long sigset_t;
typedef int sig_atomic_t;

#define SIGHUP 1
#define SIGINT 2
#define SIGILL 4
#define SIGABRT 6
#define SIGBUS 7
#define SIGFPE 8
#define SIGKILL 9
#define SIGSEGV 11
#define SIGPIPE 13
#define SIGALRM 14
#define SIGTERM 15

#define SIG_DFL ((void (*)(int))0)
#define SIG_IGN ((void (*)(int))1)
#define SIG_SETMASK 2
#define SA_SIGINFO 0x00000004
#define SA_ONSTACK 0x08000000
#define SA_RESTART 0x10000000
#define SA_RESETHAND 0x80000000

// The kernel's, asm-generic/siginfo.h: 128 bytes.
typedef struct {
    int si_signo, si_errno, si_code, __pad;
    union {
        struct {
            pid_t si_pid;
            uid_t si_uid;
        };
        void *si_addr;
        char __fill[112];
    };
} siginfo_t;

struct sigaction {
    int sa_flags;
    union {
        void (*sa_handler)(int);
        void (*sa_sigaction)(int, siginfo_t *, void *);
    };
    sigset_t sa_mask;
    void (*sa_restorer)(void);
};

typedef struct {
    void *ss_sp;
    int ss_flags;
    size_t ss_size;
} stack_t;

int kill(pid_t process, int signal);
int raise(int signal);
int sigaction(int signal, const struct sigaction *action, struct sigaction *before);
int sigaltstack(const stack_t *stack, stack_t *before);
int sigemptyset(sigset_t *set);
int sigfillset(sigset_t *set);
int sigdelset(sigset_t *set, int signal);
int pthread_sigmask(int how, const sigset_t *set, sigset_t *before);
