// In place of error.c: the agent ends where it cannot go on, a fuzz target must go on.
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "error.h"
#include "fuzz.h"

int error_fd = STDERR_FILENO;
static jmp_buf back;

void fail(enum error_code code, const char *where, const char *format, ...) {
    (void)code;
    // Formatted all the same: a message's arguments are part of what is tested.
    char message[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (strlen(where) + strlen(message) == SIZE_MAX) abort();
    longjmp(back, 1);
}

void fail_memory(const char *what) { fail(ERROR_OUT_OF_MEMORY, "", "no memory for %s", what); }
void fail_write(const char *path, int error) { fail(ERROR_CAPTURE_UNWRITABLE, path, "%s", strerror(error)); }
void crash_handler_install(void) {}
void crash_stage(const char *runtime_is) { (void)runtime_is; }

// What is open, in the order it was taken.
enum what { MEMORY, STREAM, DESCRIPTOR, MAPPING };
static struct taken {
    enum what what;
    void *at;
    size_t size;  // of a mapping; the descriptor
} taken[1024];
static size_t taken_count;
static bool watching;

static void note(enum what what, void *at, size_t size) {
    if (!watching) return;
    if (taken_count == sizeof taken / sizeof *taken) abort();
    taken[taken_count++] = (struct taken){what, at, size};
}

static void forget(enum what what, const void *at, size_t size) {
    for (size_t i = taken_count; watching && i-- > 0;) {
        if (taken[i].what != what || taken[i].at != at || (what == DESCRIPTOR && taken[i].size != size)) continue;
        taken[i] = taken[--taken_count];
        return;
    }
}

// The linker's --wrap sends the agent's calls here; --wrap=NAME makes the names.
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *at, size_t size);
void __real_free(void *at);
FILE *__real_fopen(const char *path, const char *mode);
int __real_fclose(FILE *file);
int __real_open(const char *path, int flags, ...);
int __real_close(int fd);
void *__real_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
int __real_munmap(void *at, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *at, size_t size);
void __wrap_free(void *at);
FILE *__wrap_fopen(const char *path, const char *mode);
int __wrap_fclose(FILE *file);
int __wrap_open(const char *path, int flags, ...);
int __wrap_close(int fd);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
int __wrap_munmap(void *at, size_t size);

void *__wrap_malloc(size_t size) {
    void *at = __real_malloc(size);
    if (at) note(MEMORY, at, 0);
    return at;
}

void *__wrap_calloc(size_t n, size_t size) {
    void *at = __real_calloc(n, size);
    if (at) note(MEMORY, at, 0);
    return at;
}

void *__wrap_realloc(void *old, size_t size) {
    if (old) forget(MEMORY, old, 0);
    void *at = __real_realloc(old, size);
    if (at || old) note(MEMORY, at ? at : old, 0);
    return at;
}

void __wrap_free(void *at) {
    if (at) forget(MEMORY, at, 0);
    __real_free(at);
}

FILE *__wrap_fopen(const char *path, const char *mode) {
    FILE *file = __real_fopen(path, mode);
    if (file) note(STREAM, file, 0);
    return file;
}

int __wrap_fclose(FILE *file) {
    forget(STREAM, file, 0);
    return __real_fclose(file);
}

int __wrap_open(const char *path, int flags, ...) {
    int fd = __real_open(path, flags, 0600);
    if (fd >= 0) note(DESCRIPTOR, NULL, (size_t)fd);
    return fd;
}

int __wrap_close(int fd) {
    forget(DESCRIPTOR, NULL, (size_t)fd);
    return __real_close(fd);
}

void *__wrap_mmap(void *hint, size_t size, int protection, int flags, int fd, off_t offset) {
    void *at = __real_mmap(hint, size, protection, flags, fd, offset);
    if (at != MAP_FAILED) note(MAPPING, at, size);
    return at;
}

int __wrap_munmap(void *at, size_t size) {
    forget(MAPPING, at, size);
    return __real_munmap(at, size);
}

static void give_back(void) {
    while (taken_count > 0) {
        struct taken last = taken[--taken_count];
        switch (last.what) {
            case MEMORY: __real_free(last.at); break;
            case STREAM: __real_fclose(last.at); break;
            case DESCRIPTOR: __real_close((int)last.size); break;
            case MAPPING: __real_munmap(last.at, last.size); break;
        }
    }
}

void fuzz_file(const uint8_t *data, size_t size, void (*parse)(const char *path, void *argument), void *argument) {
    static int fd = -1;
    static char path[64];
    if (fd < 0) {
        fd = memfd_create("input", MFD_CLOEXEC);
        if (fd < 0) abort();
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size) abort();
    watching = true;
    if (setjmp(back) == 0) {
        parse(path, argument);
        if (taken_count > 0) abort();  // a parser that succeeds and frees leaves nothing behind
    }
    watching = false;
    give_back();
}
