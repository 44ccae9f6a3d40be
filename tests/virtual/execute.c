// Executes a program by way of the function that is named, or, as `show`, prints what it was given itself.
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int show(int argc, char **argv) {
    char name[16];
    prctl(PR_GET_NAME, name);
#ifdef __aarch64__
    printf("aarch64");
#else
    printf("native");
#endif
    printf(" %s X=%s preload=%s", name, getenv("X"), getenv("LD_PRELOAD"));
    for (int i = 0; i < argc; i++) printf(" [%s]", argv[i]);
    puts("");
    return argc > 2 ? atoi(argv[argc - 1]) : 0;
}

static int finish(int error, const pid_t *pid) {
    int status;
    if (error != 0 || waitpid(*pid, &status, 0) != *pid) return 99;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// execute raise NUMBER; execute HOW PATH: PATH gets argv {"own name", "show", "two words", "7"}
int main(int argc, char **argv) {
    if (argc < 3 || strcmp(argv[1], "show") == 0) return show(argc, argv);
    if (strcmp(argv[1], "raise") == 0) return raise(atoi(argv[2]));
    char *how = argv[1], *path = argv[2], *file = strrchr(path, '/') + 1, command[512];
    char *list[] = {"own name", "show", "two words", "7", NULL}, *with[] = {"X=1", NULL};
    pid_t pid;
    if (!strcmp(how, "execve")) execve(path, list, with);
    if (!strcmp(how, "execv")) execv(path, list);
    if (!strcmp(how, "execvp")) execvp(file, list);
    if (!strcmp(how, "execvpe")) execvpe(file, list, with);
    if (!strcmp(how, "execl")) execl(path, list[0], list[1], list[2], list[3], (char *)NULL);
    if (!strcmp(how, "execlp")) execlp(file, list[0], list[1], list[2], list[3], (char *)NULL);
    if (!strcmp(how, "execle")) execle(path, list[0], list[1], list[2], list[3], (char *)NULL, with);
    if (!strcmp(how, "fexecve")) fexecve(open(path, O_RDONLY), list, with);
    if (!strcmp(how, "execveat")) {
        *strrchr(path, '/') = '\0';
        execveat(open(path, O_PATH), file, list, with, 0);
    }
    if (!strcmp(how, "posix_spawn")) return finish(posix_spawn(&pid, path, NULL, NULL, list, with), &pid);
    if (!strcmp(how, "posix_spawnp")) return finish(posix_spawnp(&pid, file, NULL, NULL, list, environ), &pid);
    if (!strcmp(how, "vfork")) {
        if ((pid = vfork()) == 0) {
            execv(path, list);
            _exit(98);
        }
        return finish(pid < 0, &pid);
    }
    if (!strcmp(how, "raw")) syscall(SYS_execve, path, list, with);
    snprintf(command, sizeof command, "%s show 'two words' 7", path);
    if (!strcmp(how, "system")) return WEXITSTATUS(system(command));
    if (!strcmp(how, "popen")) return WEXITSTATUS(pclose(popen(command, "w")));
    perror(how);
    return 97;
}
