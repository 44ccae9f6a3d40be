#include "stderr_tap.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "error.h"

void stderr_tap_begin(struct stderr_tap *tap) {
    *tap = (struct stderr_tap){.saved = -1, .pipe = -1};
    int ends[2];
    fflush(stderr);
    if (pipe(ends) != 0) return;
    // A full pipe drops what comes after: the runtime must never wait for us, who wait for it.
    int flags = fcntl(ends[1], F_GETFL);
    int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (flags < 0 || saved < 0 || fcntl(ends[1], F_SETFL, flags | O_NONBLOCK) < 0 || dup2(ends[1], STDERR_FILENO) < 0) {
        if (saved >= 0) close(saved);
        close(ends[0]);
        close(ends[1]);
        return;
    }
    close(ends[1]);
    tap->saved = saved;
    tap->pipe = ends[0];
    error_fd = saved;
}

void stderr_tap_end(struct stderr_tap *tap, char *heard, size_t size, bool repeat) {
    heard[0] = '\0';
    if (tap->saved < 0) return;
    fflush(stderr);
    dup2(tap->saved, STDERR_FILENO);  // closes the pipe's last writing end
    error_fd = STDERR_FILENO;
    close(tap->saved);
    size_t used = 0;
    char buffer[4096];
    ssize_t n;
    while ((n = read(tap->pipe, buffer, sizeof buffer)) > 0) {
        for (ssize_t i = 0; i < n && used + 1 < size; i++) {
            if (buffer[i]) heard[used++] = buffer[i];
        }
        if (repeat && write(STDERR_FILENO, buffer, (size_t)n) < 0) break;
    }
    heard[used] = '\0';
    close(tap->pipe);
    *tap = (struct stderr_tap){.saved = -1, .pipe = -1};
}
