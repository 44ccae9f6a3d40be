#pragma once

#include <signal.h>
#include <time.h>

typedef long pthread_t;
typedef int pthread_once_t, pthread_key_t;
typedef struct {
    int32_t __private[10];
} pthread_mutex_t;
typedef struct {
    int32_t __private[12];
} pthread_cond_t;
typedef struct {
    uint32_t flags;
    void *stack_base;
    size_t stack_size, guard_size;
    int32_t sched_policy, sched_priority;
    char __reserved[16];
} pthread_attr_t;
typedef long pthread_mutexattr_t, pthread_condattr_t;

#define PTHREAD_ONCE_INIT 0
#define PTHREAD_MUTEX_INITIALIZER {{0}}
#define PTHREAD_CREATE_DETACHED 1

int pthread_create(pthread_t *out, const pthread_attr_t *how, void *(*run)(void *), void *with);
int pthread_join(pthread_t thread, void **out);
pthread_t pthread_self(void);
int pthread_equal(pthread_t a, pthread_t b);
int pthread_attr_init(pthread_attr_t *how);
int pthread_attr_destroy(pthread_attr_t *how);
int pthread_attr_setdetachstate(pthread_attr_t *how, int state);
int pthread_attr_setstacksize(pthread_attr_t *how, size_t size);
int pthread_once(pthread_once_t *once, void (*run)(void));
int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *how);
int pthread_mutex_destroy(pthread_mutex_t *mutex);
int pthread_mutex_lock(pthread_mutex_t *mutex);
int pthread_mutex_unlock(pthread_mutex_t *mutex);
int pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *how);
int pthread_cond_destroy(pthread_cond_t *condition);
int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
int pthread_cond_broadcast(pthread_cond_t *condition);
int pthread_key_create(pthread_key_t *out, void (*at_end)(void *));
void *pthread_getspecific(pthread_key_t key);
int pthread_setspecific(pthread_key_t key, const void *value);
