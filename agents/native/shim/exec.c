// The exec shim: preloaded into the programs of an arm64 virtual phone where the kernel cannot be told of qemu
// (farm/virtual/emulator.py), it starts qemu for aarch64 programs as the kernel would by way of binfmt_misc. One build
// for this machine's programs, one for those that run in qemu. After vfork it runs in its parent's memory: nothing here
// allocates or writes to what is not its own.

#define _GNU_SOURCE
#include <alloca.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <paths.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef __aarch64__
#include <sys/auxv.h>
#include <sys/prctl.h>
#endif

// As farm/virtual/emulator.py lays them; under PREFIX is what only programs in qemu see.
#define QEMU "/usr/bin/qemu-aarch64"
#define PREFIX "/usr/lib/farm/guest"

enum { LINE = 256, SCRIPTS = 5, EXTRA = 2 * SCRIPTS + 8 };  // Linux: BINPRM_BUF_SIZE, and scripts of scripts
enum kind { OTHER, AARCH64, SCRIPT };

struct lines {
    char text[SCRIPTS][LINE];
};

static char *plain(const char *text) { return (char *)(uintptr_t)text; }

static size_t count(char *const list[]) {
    size_t n = 0;
    while (list[n]) n++;
    return n;
}

// What the kernel would make of a file; OTHER also where it would refuse, and says why best itself.
static enum kind look(const char *path, char head[LINE]) {
    if (access(path, X_OK) != 0) return OTHER;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return OTHER;
    memset(head, 0, LINE);
    ssize_t n = pread(fd, head, LINE, 0);
    close(fd);
    if (n > 2 && memcmp(head, "#!", 2) == 0) return SCRIPT;
    Elf64_Ehdr header;
    if (n < (ssize_t)sizeof header) return OTHER;
    memcpy(&header, head, sizeof header);
    if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64) return OTHER;
    return header.e_ident[EI_DATA] == ELFDATA2LSB && header.e_machine == EM_AARCH64 ? AARCH64 : OTHER;
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

// Cuts a "#!" line into the interpreter's path and its one argument, which may have blanks in it, or is NULL: Linux,
// fs/binfmt_script.c. NULL where that refuses.
static char *interpreter(char line[LINE], char **argument) {
    char *last = line + LINE - 1, *end = memchr(line, '\n', strnlen(line, LINE)), *path = line + 2;
    if (!end) {
        while (path < last && is_blank(*path)) path++;
        while (path < last && *path && !is_blank(*path)) path++;
        if (*path && !is_blank(*path)) return NULL;  // cut short
        end = last;
    }
    while (is_blank(end[-1])) end--;
    *end = '\0';
    path = line + 2 + strspn(line + 2, " \t");
    if (!*path) return NULL;
    char *rest = path + strcspn(path, " \t");
    *argument = NULL;
    if (*rest) {
        *rest++ = '\0';
        *argument = rest + strspn(rest, " \t");
    }
    return path;
}

// The arguments of the qemu that runs `path`, laid at the end of `room` (count(argv) + EXTRA); NULL where none is needed.
static char **follow(const char *path, char *const argv[], char **room, struct lines *lines) {
    size_t given = count(argv);
    char **top = room + given + EXTRA;
    *--top = NULL;
    for (size_t i = given; i > 1; i--) *--top = argv[i - 1];
    const char *name = given ? argv[0] : "";
    char head[LINE];
    for (int depth = 0; depth <= SCRIPTS; depth++) {
        switch (look(path, head)) {
            case OTHER:
                return NULL;
            case SCRIPT: {
                if (depth == SCRIPTS) return NULL;
                char *line = memcpy(lines->text[depth], head, sizeof head), *argument;
                *--top = plain(path);
                path = name = interpreter(line, &argument);
                if (!path) return NULL;
                if (argument) *--top = argument;
                break;
            }
            case AARCH64: {
                const char *const words[] = {QEMU, "-L", PREFIX, "-0", name, "--", path};
                for (size_t i = sizeof words / sizeof *words; i > 0; i--) *--top = plain(words[i - 1]);
                return top;
            }
        }
    }
    return NULL;
}

int execve(const char *path, char *const argv[], char *const envp[]) {
    struct lines lines;
    char **qemu = follow(path, argv, alloca((count(argv) + EXTRA) * sizeof *argv), &lines);
    return (int)syscall(SYS_execve, qemu ? QEMU : path, qemu ? qemu : argv, envp);
}

int execv(const char *path, char *const argv[]) { return execve(path, argv, environ); }

int execveat(int folder, const char *path, char *const argv[], char *const envp[], int flags) {
    char full[PATH_MAX + 32];
    struct lines lines;
    bool itself = !*path && flags & AT_EMPTY_PATH;
    if (*path == '/' || (*path && folder == AT_FDCWD)) {
        snprintf(full, sizeof full, "%s", path);
    } else {
        snprintf(full, sizeof full, "/dev/fd/%d%s%s", folder, itself ? "" : "/", path);
    }
    char **qemu = NULL;
    if (strlen(full) < PATH_MAX && !(flags & AT_SYMLINK_NOFOLLOW)) {
        qemu = follow(full, argv, alloca((count(argv) + EXTRA) * sizeof *argv), &lines);
    }
    if (!qemu) return (int)syscall(SYS_execveat, folder, path, argv, envp, flags);
    if (itself && fcntl(folder, F_GETFD) & FD_CLOEXEC) {  // qemu could not open it; the kernel's word for that
        errno = ENOENT;
        return -1;
    }
    return (int)syscall(SYS_execve, QEMU, qemu, envp);
}

int fexecve(int fd, char *const argv[], char *const envp[]) {
    char path[64];
    snprintf(path, sizeof path, "/dev/fd/%d", fd);
    execveat(fd, "", argv, envp, AT_EMPTY_PATH);
    return errno == ENOSYS ? execve(path, argv, envp) : -1;  // qemu's may have no execveat
}

// A text without "#!" is the shell's, says POSIX of the functions that search.
static int execute_or_interpret(const char *path, char *const argv[], char *const envp[]) {
    execve(path, argv, envp);
    if (errno != ENOEXEC) return -1;
    size_t given = count(argv);
    char **words = alloca((given + 3) * sizeof *words);
    words[0] = plain(_PATH_BSHELL);
    words[1] = plain(path);
    words[2] = NULL;
    for (size_t i = 1; i < given; i++) words[i + 1] = argv[i];
    if (given > 1) words[given + 1] = NULL;
    return execve(_PATH_BSHELL, words, envp);
}

// The next place in PATH for `file`, laid in `full`; false at the end. `*at` begins as PATH, or what stands for it.
static bool next_place(const char **at, const char *file, char full[PATH_MAX]) {
    while (*at) {
        size_t n = strcspn(*at, ":");
        int length = snprintf(full, PATH_MAX, "%.*s%s%s", (int)n, *at, n ? "/" : "", file);
        *at = (*at)[n] ? *at + n + 1 : NULL;
        if (length < PATH_MAX) return true;
    }
    return false;
}

static const char *search_path(void) {
    const char *path = getenv("PATH");
    return path ? path : "/bin:/usr/bin";
}

int execvpe(const char *file, char *const argv[], char *const envp[]) {
    if (!*file) {
        errno = ENOENT;
        return -1;
    }
    if (strchr(file, '/')) return execute_or_interpret(file, argv, envp);
    char full[PATH_MAX];
    bool denied = false;
    errno = ENOENT;
    for (const char *at = search_path(); next_place(&at, file, full);) {
        execute_or_interpret(full, argv, envp);
        denied |= errno == EACCES;
        if (errno != EACCES && errno != ENOENT && errno != ENOTDIR && errno != ESTALE && errno != ENODEV) return -1;
    }
    if (denied) errno = EACCES;
    return -1;
}

int execvp(const char *file, char *const argv[]) { return execvpe(file, argv, environ); }

// The arguments of a variadic call, up to the NULL; what comes after it is left in `list` for execle.
#define GATHER(first, list, argv)                                             \
    va_list list;                                                             \
    size_t list##_n = 1;                                                      \
    va_start(list, first);                                                    \
    while (va_arg(list, char *)) list##_n++;                                  \
    va_end(list);                                                             \
    char **argv = alloca((list##_n + 1) * sizeof *argv);                      \
    argv[0] = plain(first);                                                   \
    va_start(list, first);                                                    \
    for (size_t i = 1; i <= list##_n; i++) argv[i] = va_arg(list, char *)

int execl(const char *path, const char *first, ...) {
    GATHER(first, list, argv);
    va_end(list);
    return execve(path, argv, environ);
}

int execlp(const char *file, const char *first, ...) {
    GATHER(first, list, argv);
    va_end(list);
    return execvpe(file, argv, environ);
}

int execle(const char *path, const char *first, ...) {
    GATHER(first, list, argv);
    char **envp = va_arg(list, char **);
    va_end(list);
    return execve(path, argv, envp);
}

typedef int spawn(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *, char *const *,
                  char *const *);

static spawn *libcs(const char *name) {
    void *address = dlsym(RTLD_NEXT, name);
    spawn *function;
    memcpy(&function, &address, sizeof function);
    return function;
}

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]) {
    struct lines lines;
    char **qemu = follow(path, argv, alloca((count(argv) + EXTRA) * sizeof *argv), &lines);
    return libcs("posix_spawn")(pid, qemu ? QEMU : path, actions, attributes, qemu ? qemu : argv, envp);
}

int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]) {
    char full[PATH_MAX];
    const char *found = strchr(file, '/') ? file : NULL;
    for (const char *at = search_path(); !found && *file && next_place(&at, file, full);) {
        if (access(full, X_OK) == 0) found = full;
    }
    if (found) return posix_spawn(pid, found, actions, attributes, argv, envp);
    return libcs("posix_spawnp")(pid, file, actions, attributes, argv, envp);
}

#ifdef __aarch64__
// The kernel calls a process as the file it was asked to execute, not as qemu; here a script is called as its interpreter.
__attribute__((constructor)) static void take_name(void) {
    const char *path = (const char *)(uintptr_t)getauxval(AT_EXECFN);
    if (!path) return;
    const char *slash = strrchr(path, '/');
    prctl(PR_SET_NAME, slash ? slash + 1 : path);
}
#endif
