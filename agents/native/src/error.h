// How the agent ends when it cannot go on: one JSON line, the last on stderr, and an exit status by kind.
#ifndef EXRAY_ERROR_H
#define EXRAY_ERROR_H

// Kinds as in farm/errors.py: job (2) is the user's, infrastructure (3) is the lab's, bug (5) is ours.
#define ERROR_CODES(X)                                       \
    X(BAD_USAGE, "bad-usage", JOB)                           \
    X(FILE_UNREADABLE, "file-unreadable", JOB)               \
    X(LIST_INVALID, "list-invalid", JOB)                     \
    X(RUNTIME_MISSING, "runtime-missing", INFRASTRUCTURE)    \
    X(RUNTIME_TOO_OLD, "runtime-too-old", INFRASTRUCTURE)    \
    X(RUNTIME_SYMBOL, "runtime-symbol", INFRASTRUCTURE)      \
    X(RUNTIME_FAILED, "runtime-failed", INFRASTRUCTURE)      \
    X(RUNTIME_CRASHED, "runtime-crashed", JOB)               \
    X(KERNEL_IGNORED, "kernel-ignored", INFRASTRUCTURE)      \
    X(MODEL_UNREADABLE, "model-unreadable", JOB)             \
    X(MODEL_UNSUPPORTED, "model-unsupported", JOB)           \
    X(OP_UNREGISTERED, "op-unregistered", JOB)               \
    X(COMPILE_FAILED, "compile-failed", JOB)                 \
    X(INPUT_SHAPE, "input-shape", JOB)                       \
    X(VOCABULARY_INVALID, "vocabulary-invalid", JOB)         \
    X(FRAME_UNREADABLE, "frame-unreadable", JOB)             \
    X(INVOKE_FAILED, "invoke-failed", JOB)                   \
    X(STORAGE_FULL, "storage-full", INFRASTRUCTURE)          \
    X(CAPTURE_UNWRITABLE, "capture-unwritable", INFRASTRUCTURE) \
    X(OUT_OF_MEMORY, "out-of-memory", INFRASTRUCTURE)        \
    X(CPU_MASK_REFUSED, "cpu-mask-refused", INFRASTRUCTURE)  \
    X(ACCELERATOR_MISSING, "accelerator-missing", INFRASTRUCTURE) \
    X(ACCELERATOR_UNUSED, "accelerator-unused", INFRASTRUCTURE) \
    X(LEASE_SUPERSEDED, "lease-superseded", INFRASTRUCTURE)  \
    X(LEASE_HELD, "lease-held", INFRASTRUCTURE)              \
    X(DEADLINE_EXCEEDED, "deadline-exceeded", INFRASTRUCTURE) \
    X(AGENT_CRASHED, "agent-crashed", BUG)

enum error_code {
#define X(name, text, kind) ERROR_##name,
    ERROR_CODES(X)
#undef X
};

// The file descriptor errors go to: 2, unless stderr is being tapped (stderr_tap.h).
extern int error_fd;

// Says what happened (`format`) and where (a path, a line, an operator; may be ""), and ends the process.
_Noreturn void fail(enum error_code code, const char *where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
_Noreturn void fail_memory(const char *what);
// For a capture that could not be written: storage-full when that is what errno value `error` says.
_Noreturn void fail_write(const char *path, int error);
// From now on a crash (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT) says so in an error line, too.
void crash_handler_install(void);
// What such a handler does: the error line of a crash, and the end. Safe in a signal handler.
_Noreturn void crash_say(int signal_number);
// What the runtime is doing, a string constant, or NULL when the agent's own code runs: blamed for a crash.
void crash_stage(const char *runtime_is);

#endif
