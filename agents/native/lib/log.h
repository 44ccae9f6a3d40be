// One capture of an app: what the API fills and the writer thread empties.
#ifndef EXRAY_LOG_H
#define EXRAY_LOG_H

#include <pthread.h>
#include <semaphore.h>

#include "../include/exray.h"
#include "../src/mcap.h"
#include "ring.h"

enum { FRAMES_OPEN = 64, FRAME_NAME = 128, NAME = 256, SPECS = 1024, OPEN_CAPTURES = 8 };

enum log_channel {
    LOG_HEADER,
    LOG_TENSOR_SPEC,
    LOG_TENSOR,
    LOG_FRAME,
    LOG_ELEMENT_SPEC,
    LOG_ELEMENT,
    LOG_SPAN,
    LOG_SENSOR,
    LOG_DROPPED,
    LOG_END,
    LOG_CHANNELS,
};

#define FRAME_TAKEN UINT32_MAX

struct open_frame {
    _Atomic uint32_t frame;  // 0: free; FRAME_TAKEN: being filled
    uint64_t start, invoke_start, preprocess_ns, invoke_ns;
    bool logged;  // elements and tensors are
    struct bytes held;  // under EXRAY_ON_ASSERTION: records that wait for a verdict
    char name[FRAME_NAME];
};

// In front of each record that is held, its message behind it.
struct held {
    uint64_t time;
    uint32_t size;
    uint16_t channel, reserved;
};

// A name with its constants has one id, told once. Found by the hash of its message.
struct spec {
    _Atomic uint64_t key;  // 0: free
    uint32_t id;
};

struct exray_capture {
    struct ring ring;
    struct mcap mcap;
    exray_options options;
    int fd, statm;
    pid_t pid;  // a child after a fork has no writer

    _Atomic uint32_t last_frame;
    struct open_frame frames[FRAMES_OPEN];
    pthread_mutex_t held_lock;  // of all frames' `held`
    pthread_mutex_t specs_lock;
    struct spec specs[SPECS];
    uint32_t spec_count;

    _Atomic uint64_t logged_bytes;  // what the file will come to, about
    _Atomic uint64_t chunks;        // in the file by now
    _Atomic uint64_t dropped, dropped_bytes, over_budget, stopped_frames;

    pthread_t writer;
    sem_t wake;
    _Atomic int closing, crashing, crash_written, error;
    _Atomic uint64_t flushes_asked;
    uint64_t flushes_done;
    pthread_mutex_t flush_lock;
    pthread_cond_t flush_over;
    _Atomic uint64_t file_bytes;
};

// The frame, if it is open.
struct open_frame *log_frame(struct exray_capture *x, exray_frame frame);
// Hands a record over; false where there is no room, which is counted. `head` then `body` make up the message.
bool log_put(struct exray_capture *x, enum log_channel channel, uint64_t time, const void *head, size_t head_size,
             const void *body, size_t body_size);
// Counts a record of `size` bytes that finds no room.
void log_dropped(struct exray_capture *x, size_t size);
// Counts a message of `size` bytes that is on its way to the file.
void log_spent(struct exray_capture *x, size_t size);
// The smallest byte budget that holds a frame.
uint64_t log_least_budget(const struct exray_capture *x);
// Whether the byte budget has room for a message of `size` bytes of elements (`spare`) or of frames; counts what it has
// not.
bool log_affords(struct exray_capture *x, size_t size, bool spare);

// Whether elements of this frame are logged: NULL where not. Under EXRAY_ON_ASSERTION they are held until it is over.
struct open_frame *log_wanted(struct exray_capture *x, exray_frame frame);
// Bytes of a tensor; 0 of one that makes no sense.
size_t log_tensor_size(const exray_tensor *tensor);
// Copies what fits of a name as UTF-8, cut between characters, bytes that are none replaced by '?'. NULL is "".
// Returns its length.
size_t name_copy(char *to, size_t room, const char *name);
// Of LiteRT's element type; 0: captures have no word for it.
exray_type log_litert_type(int32_t element);
// What exray_error tells. Always false.
bool log_refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

// The id of a spec that `message` tells (its id aside), telling it when it is new; 0 where there is no room for it.
uint32_t spec_id(struct exray_capture *x, enum log_channel channel, const void *message, size_t size);

int writer_start(struct exray_capture *x);
// Tells the writer that there is work.
void writer_wake(struct exray_capture *x);
// Until what was put before is in the file.
void writer_flush(struct exray_capture *x);
void writer_stop(struct exray_capture *x);

// Captures whose ring is written out when the process is about to die.
void crash_watch(struct exray_capture *x);
void crash_unwatch(struct exray_capture *x);
// From now on whoever had these signals before is asked first, and only what he does not make good is a crash: null
// checks and polls of a virtual machine are signals, thousands of them, and no crashes.
void crash_runtime_first(void);

#endif
