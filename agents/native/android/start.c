// Where the system's linker enters: bionic's __libc_init starts what a program needs, calls main and exits with its answer.
// With an NDK its crtbegin_dynamic.o does this.

// Source: bionic, libc/arch-common/bionic/crtbegin.c and libc/bionic/libc_init_dynamic.cpp. The linker has run the
// constructors by then; of this table only the destructors are looked at, and there are none.
struct structors {
    void (**before)(void), (**at_start)(void), (**at_end)(void);
};

_Noreturn void __libc_init(void *arguments, void (*unused)(void), int (*run)(int, char **, char **),
                           const struct structors *structors);
int main(int argc, char **argv, char **environment);

__attribute__((used)) static _Noreturn void enter(void *arguments) {
    __libc_init(arguments, 0, main, &(struct structors){0, 0, 0});
}

#if defined(__aarch64__)
__asm__(".globl _start\n_start:\n\tmov x29, #0\n\tmov x30, #0\n\tmov x0, sp\n\tb enter\n");
#elif defined(__x86_64__)
__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall enter\n");
#endif

// What says that a file was built for Android, and for which API level at least.
__attribute__((used, section(".note.android.ident"), aligned(4))) static const struct {
    int name_size, size, type;
    char name[8];
    int api;
} ident = {8, 4, 1, "Android", 26};
