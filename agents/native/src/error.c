#include "error.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

enum kind { JOB = 2, INFRASTRUCTURE = 3, BUG = 5 };

static const struct {
    const char *text;
    enum kind kind;
} CODES[] = {
#define X(name, text, kind) {text, kind},
    ERROR_CODES(X)
#undef X
};

int error_fd = STDERR_FILENO;

static const char *kind_name(enum kind kind) {
    return kind == JOB ? "job" : kind == INFRASTRUCTURE ? "infrastructure" : "bug";
}

static void write_out(const void *data, size_t n) {
    for (const char *at = data; n > 0;) {
        ssize_t written = write(error_fd, at, n);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return;  // nobody to tell
        at += written;
        n -= (size_t)written;
    }
}

void fail(enum error_code code, const char *where, const char *format, ...) {
    char message[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);

    struct bytes line = {0};
    text_raw(&line, "{\"error\":{\"code\":");
    text_json(&line, CODES[code].text);
    text_raw(&line, ",\"kind\":");
    text_json(&line, kind_name(CODES[code].kind));
    text_raw(&line, ",\"message\":");
    text_json(&line, message);
    text_raw(&line, ",\"where\":");
    text_json(&line, where);
    text_raw(&line, "}}\n");
    fflush(NULL);
    if (line.failed) {
        static const char plain[] =
            "{\"error\":{\"code\":\"out-of-memory\",\"kind\":\"infrastructure\","
            "\"message\":\"out of memory\",\"where\":\"\"}}\n";
        write_out(plain, sizeof plain - 1);
        _exit(INFRASTRUCTURE);
    }
    write_out(line.data, line.size);
    // Not exit(): the runtime's threads may still be at work, and its destructors are not needed.
    _exit((int)CODES[code].kind);
}

void fail_memory(const char *what) { fail(ERROR_OUT_OF_MEMORY, "", "no memory for %s", what); }

void fail_write(const char *path, int error) {
    if (error == ENOMEM) fail_memory("the capture");
    bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
    fail(full ? ERROR_STORAGE_FULL : ERROR_CAPTURE_UNWRITABLE, path, "the capture cannot be written: %s",
         strerror(error));
}

static const char *volatile stage;

void crash_stage(const char *runtime_is) { stage = runtime_is; }

// Only async-signal-safe calls from here: the heap may be broken.
static void put(char *line, size_t size, size_t *used, const char *text) {
    for (; *text && *used < size; text++) line[(*used)++] = *text;
}

void crash_say(int signal_number) {
    const char *name = signal_number == SIGSEGV  ? "SIGSEGV"
                       : signal_number == SIGBUS ? "SIGBUS"
                       : signal_number == SIGFPE ? "SIGFPE"
                       : signal_number == SIGILL ? "SIGILL"
                                                 : "SIGABRT";
    const char *running = stage;
    enum error_code code = running ? ERROR_RUNTIME_CRASHED : ERROR_AGENT_CRASHED;
    char line[512];
    size_t used = 0;
    put(line, sizeof line, &used, "\n{\"error\":{\"code\":\"");
    put(line, sizeof line, &used, CODES[code].text);
    put(line, sizeof line, &used, "\",\"kind\":\"");
    put(line, sizeof line, &used, kind_name(CODES[code].kind));
    put(line, sizeof line, &used, "\",\"message\":\"");
    put(line, sizeof line, &used, running ? "the runtime crashed (" : "the agent crashed (");
    put(line, sizeof line, &used, name);
    put(line, sizeof line, &used, running ? ") while " : ")");
    put(line, sizeof line, &used, running ? running : "");
    put(line, sizeof line, &used, "\",\"where\":\"\"}}\n");
    write_out(line, used);
    _exit((int)CODES[code].kind);
}

static void on_crash(int signal_number) { crash_say(signal_number); }

void crash_handler_install(void) {
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    static uint8_t stack[65536];  // of its own: the crash may be an overflow of the usual one
    stack_t alternative = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&alternative, NULL);
    struct sigaction action = {.sa_handler = on_crash};
    sigemptyset(&action.sa_mask);
    action.sa_flags = (int)(SA_RESETHAND | SA_ONSTACK);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &action, NULL);
}
