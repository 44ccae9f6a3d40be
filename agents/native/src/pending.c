#include "pending.h"

#include <pthread.h>
#include <stdatomic.h>

enum { PENDING_LIMIT = 4 << 20, HEAD = 5 };

static atomic_bool waiting;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct bytes pending;  // [kind as u8][size as u32][message], ...; guarded by `lock`

void pending_add(enum pending_kind kind, const struct bytes *message) {
    pthread_mutex_lock(&lock);
    if (!message->failed && pending.size + message->size + HEAD <= PENDING_LIMIT) {
        bytes_u8(&pending, (uint8_t)kind);
        bytes_u32(&pending, (uint32_t)message->size);
        bytes_append(&pending, message->data, message->size);
        atomic_store(&waiting, true);
    }
    pthread_mutex_unlock(&lock);
}

void pending_write(struct capture *capture) {
    if (!atomic_load(&waiting)) return;
    pthread_mutex_lock(&lock);
    struct bytes taken = pending;
    pending = (struct bytes){0};
    atomic_store(&waiting, false);
    pthread_mutex_unlock(&lock);
    for (size_t at = 0; !taken.failed && at + HEAD <= taken.size;) {
        const uint8_t *p = taken.data + at;
        size_t size = (size_t)p[1] | (size_t)p[2] << 8 | (size_t)p[3] << 16 | (size_t)p[4] << 24;
        if (p[0] == PENDING_SENSOR) capture_write_sensor(capture, p + HEAD, size);
        else capture_write_sample(capture, p + HEAD, size);
        at += HEAD + size;
    }
    bytes_free(&taken);
}
