// The thread that takes records out of the ring and into the file.
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "../src/clock.h"
#include "../src/procfs.h"
#include "log.h"
#include "wire.h"

static const uint64_t FLUSH_AFTER_NS = 2000000000, LOOK_EVERY_NS = 100000000;

static void failed(struct exray_capture *x, int error) {
    int none = 0;
    if (error) atomic_compare_exchange_strong(&x->error, &none, error);
}

// The process's memory, behind a Frame: read here, as it takes ten times as long as all else between two invocations.
// 0 bytes where it is not to be read.
static size_t put_memory(const struct exray_capture *x, uint8_t *out, uint64_t *rss) {
    if (x->statm < 0) return 0;
    if (!*rss) *rss = procfs_statm_rss(x->statm);
    return (size_t)(wire_uint(out, 7, *rss) - out);
}

static void drain(struct exray_capture *x) {
    struct ring_record record;
    uint8_t more[WIRE_UINT];
    uint64_t rss = 0;  // one for all that waited: a tenth of a second at most
    while (ring_peek(&x->ring, &record)) {
        if (atomic_load_explicit(&x->error, memory_order_relaxed)) {
            log_dropped(x, record.size);
        } else {
            size_t size = record.kind == LOG_FRAME ? put_memory(x, more, &rss) : 0;
            failed(x, mcap_message(&x->mcap, record.kind, record.time, record.data, record.size, more, size));
        }
        atomic_store_explicit(&x->chunks, x->mcap.chunk_count, memory_order_relaxed);
        ring_release(&x->ring, &record);
    }
}

static void tell_dropped(struct exray_capture *x, uint64_t *told) {
    uint64_t dropped = atomic_load(&x->dropped);
    if (dropped == *told) return;
    *told = dropped;
    uint8_t message[4 * WIRE_UINT], *at = message;
    at = wire_uint(at, 1, monotonic_ns());
    at = wire_uint(at, 2, dropped);
    at = wire_uint(at, 3, atomic_load(&x->dropped_bytes));
    log_spent(x, (size_t)(at - message));
    failed(x, mcap_message(&x->mcap, LOG_DROPPED, monotonic_ns(), message, (size_t)(at - message), NULL, 0));
}

static void flush(struct exray_capture *x, uint64_t *told) {
    if (!atomic_load(&x->error)) tell_dropped(x, told);
    if (!atomic_load(&x->error)) failed(x, mcap_flush(&x->mcap));
    atomic_store(&x->chunks, x->mcap.chunk_count);
    atomic_store(&x->file_bytes, x->mcap.offset);
}

static void nap(struct exray_capture *x) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += (long)LOOK_EVERY_NS;
    if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
    while (sem_timedwait(&x->wake, &until) != 0 && errno == EINTR) continue;
}

static void flushed_up_to(struct exray_capture *x, uint64_t asked) {
    pthread_mutex_lock(&x->flush_lock);
    x->flushes_done = asked;
    pthread_cond_broadcast(&x->flush_over);
    pthread_mutex_unlock(&x->flush_lock);
}

static void *run(void *log) {
    struct exray_capture *x = log;
    uint64_t flushed = monotonic_ns(), told = 0, done = 0;
    while (!atomic_load(&x->closing)) {
        nap(x);
        uint64_t asked = atomic_load(&x->flushes_asked);  // before looking at what there is
        drain(x);
        if (asked != done) {
            flush(x, &told);
            flushed_up_to(x, done = asked);
        }
        if (atomic_load(&x->crashing) && !atomic_load(&x->crash_written)) {
            flush(x, &told);
            atomic_store(&x->crash_written, 1);
        }
        if (monotonic_ns() - flushed > FLUSH_AFTER_NS) {
            flush(x, &told);
            flushed = monotonic_ns();
        }
    }
    drain(x);
    flush(x, &told);
    flushed_up_to(x, UINT64_MAX);
    return NULL;
}

void writer_wake(struct exray_capture *x) {
    int waiting = 0;
    if (sem_getvalue(&x->wake, &waiting) == 0 && waiting == 0) sem_post(&x->wake);
}

void writer_flush(struct exray_capture *x) {
    uint64_t asked = atomic_fetch_add(&x->flushes_asked, 1) + 1;
    sem_post(&x->wake);
    pthread_mutex_lock(&x->flush_lock);
    while (x->flushes_done < asked) pthread_cond_wait(&x->flush_over, &x->flush_lock);
    pthread_mutex_unlock(&x->flush_lock);
}

int writer_start(struct exray_capture *x) { return pthread_create(&x->writer, NULL, run, x); }

void writer_stop(struct exray_capture *x) {
    atomic_store(&x->closing, 1);
    sem_post(&x->wake);
    pthread_join(x->writer, NULL);
}
