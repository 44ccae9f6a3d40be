// Thread-local variables where the system's linker knows none (before API 29): the compiler asks for each by a control
// block, and gets this thread's copy. With an NDK its compiler-rt does this.

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// Source: the compiler's ABI of -femulated-tls, compiler-rt's emutls.c.
struct control {
    size_t size, alignment;
    uintptr_t index;    // from 1; 0: nobody asked yet
    const void *value;  // what a copy begins with; NULL: zeros
};

struct copies {
    size_t n;
    void *of[];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static uintptr_t variables;

static void end(void *argument) {
    struct copies *copies = argument;
    for (size_t i = 0; i < copies->n; i++) free(copies->of[i]);
    free(copies);
}

static void begin(void) {
    if (pthread_key_create(&key, end) != 0) abort();
}

static size_t place(struct control *control) {
    uintptr_t index = __atomic_load_n(&control->index, __ATOMIC_ACQUIRE);
    if (index == 0) {
        pthread_mutex_lock(&mutex);
        index = control->index != 0 ? control->index : ++variables;
        __atomic_store_n(&control->index, index, __ATOMIC_RELEASE);
        pthread_mutex_unlock(&mutex);
    }
    return index - 1;
}

void *__emutls_get_address(struct control *control);

void *__emutls_get_address(struct control *control) {
    pthread_once(&once, begin);
    size_t at = place(control);
    struct copies *copies = pthread_getspecific(key);
    size_t n = copies != NULL ? copies->n : 0;
    if (at >= n) {
        size_t more = at + 8;
        copies = realloc(copies, sizeof *copies + more * sizeof copies->of[0]);
        if (copies == NULL) abort();
        memset(copies->of + n, 0, (more - n) * sizeof copies->of[0]);
        copies->n = more;
        if (pthread_setspecific(key, copies) != 0) abort();
    }
    if (copies->of[at] == NULL) {
        size_t alignment = control->alignment > sizeof(void *) ? control->alignment : sizeof(void *);
        if (posix_memalign(&copies->of[at], alignment, control->size) != 0) abort();
        if (control->value != NULL) memcpy(copies->of[at], control->value, control->size);
        else memset(copies->of[at], 0, control->size);
    }
    return copies->of[at];
}
