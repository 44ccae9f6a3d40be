#pragma once

#include <time.h>

typedef struct {
    unsigned __count;
    int __reserved[3];
} sem_t;

int sem_init(sem_t *semaphore, int shared, unsigned value);
int sem_destroy(sem_t *semaphore);
int sem_post(sem_t *semaphore);
int sem_timedwait(sem_t *semaphore, const struct timespec *until);
int sem_getvalue(sem_t *semaphore, int *out);
