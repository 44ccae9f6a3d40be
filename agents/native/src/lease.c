#include "lease.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "procfs.h"
#include "stop.h"

// The lock is flock's, which the kernel takes back from a process that ends, however it ends. What stands in the file
// is only who has it, and the highest token so far.

// What the name of a process ends with that an app has for the agent. It has no arguments.
static const char IN_APP[] = ":agent";
enum { MOST_FILES = 1024 };

static const uint64_t GRACE_NS = 3000000000, GIVE_UP_NS = 8000000000;
static const struct timespec PAUSE = {.tv_nsec = 5000000};

struct record {
    long pid;  // 0: none
    uint64_t token;
};

static struct record read_record(int fd) {
    char text[64];
    struct record record = {0};
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    if (n <= 0) return record;
    text[n] = '\0';
    if (sscanf(text, "%ld %" SCNu64, &record.pid, &record.token) != 2 || record.pid < 0) return (struct record){0};
    return record;
}

// One write of one width: whoever reads meanwhile gets this record or the one before.
static void write_record(int fd, const char *path, struct record record) {
    char text[64];
    int n = snprintf(text, sizeof text, "%10ld %20" PRIu64 "\n", record.pid, record.token);
    if (pwrite(fd, text, (size_t)n, 0) == n) return;
    fail(ERROR_LEASE_HELD, path, "the lock cannot be written: %s", strerror(errno));
}

// Whether process `pid` is an agent under a lease that has `lock` open. A number may have passed to a stranger.
static bool is_agent(long pid, const struct stat *lock) {
    char path[64], text[32768];
    snprintf(path, sizeof path, "/proc/%ld/cmdline", pid);
    size_t n = procfs_read(path, text, sizeof text), name = strlen(text);
    bool leased = name > strlen(IN_APP) && strcmp(text + name - strlen(IN_APP), IN_APP) == 0;
    for (size_t at = 0; at < n; at += strlen(text + at) + 1) leased |= strcmp(text + at, "--lease") == 0;
    for (int fd = 3; leased && fd < MOST_FILES; fd++) {  // in a program it was opened before all else
        struct stat info;
        snprintf(path, sizeof path, "/proc/%ld/fd/%d", pid, fd);
        if (stat(path, &info) == 0 && info.st_ino == lock->st_ino && info.st_dev == lock->st_dev) return true;
    }
    return false;
}

static void refuse(const char *path, uint64_t token, uint64_t newer) {
    fail(ERROR_LEASE_SUPERSEDED, path, "lease %" PRIu64 " is over: lease %" PRIu64 " has had this device since", token,
         newer);
}

// Ends the agent that holds the lock; called again and again until the lock is free.
static void end_holder(int fd, const char *path, uint64_t token, uint64_t waited_ns) {
    struct record holder = read_record(fd);
    struct stat lock;
    if (holder.token > token) refuse(path, token, holder.token);
    if (fstat(fd, &lock) != 0) fail(ERROR_LEASE_HELD, path, "the lock cannot be read: %s", strerror(errno));
    bool known = holder.pid > 1 && holder.pid != (long)getpid() && is_agent(holder.pid, &lock);
    if (waited_ns > GIVE_UP_NS) {
        fail(ERROR_LEASE_HELD, path, known ? "agent %ld holds the lock and does not end"
                                           : "a process that is no agent holds the lock; the last agent was %ld",
             holder.pid);
    }
    if (!known) return;  // it is just ending, or has just begun
    if (kill((pid_t)holder.pid, waited_ns > GRACE_NS ? SIGKILL : SIGTERM) != 0 && errno != ESRCH) {
        fail(ERROR_LEASE_HELD, path, "agent %ld holds the lock and cannot be ended: %s", holder.pid, strerror(errno));
    }
}

void lease_take(const char *path, uint64_t token) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) fail(ERROR_LEASE_HELD, path, "the lock cannot be opened: %s", strerror(errno));
    uint64_t start = monotonic_ns();
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            fail(ERROR_LEASE_HELD, path, "there is no lock to be had: %s", strerror(errno));
        }
        end_holder(fd, path, token, monotonic_ns() - start);
        nanosleep(&PAUSE, NULL);
        if (stop_requested()) _exit(128 + stop_requested());
    }
    struct record last = read_record(fd);
    if (last.token > token) refuse(path, token, last.token);
    write_record(fd, path, (struct record){.pid = (long)getpid(), .token = token});
    // fd stays open, and the lock held, until the process ends.
}
