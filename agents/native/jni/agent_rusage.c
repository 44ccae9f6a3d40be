// In a process of Java's no symbol of ours comes before the C library's, so the runtime's own table of the functions
// that it calls is changed: its getrusage is ours. Where that table cannot be read, it stays as it is.
#define _GNU_SOURCE

#include "../src/rusage.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// ELF of 64 bits, as far as it is needed. Source: the generic ABI, chapters 4 and 5.
enum { SEGMENTS_AT = 32, SEGMENT_COUNT_AT = 56, LOADED = 1, DYNAMIC = 2 };
enum { END = 0, CALLS_SIZE = 2, NAMES = 5, SYMBOLS = 6, CALLS = 23, TAGS = 24 };
struct segment {
    uint32_t type, flags;
    uint64_t offset, address, physical, file_size, size, alignment;
};
struct entry {
    uint64_t tag, value;
};
struct symbol {
    uint32_t name;
    uint8_t info, other;
    uint16_t section;
    uint64_t value, size;
};
struct call {
    uint64_t place, info;
    int64_t addend;
};

static int refuse(int who, void *usage) {
    (void)who, (void)usage;
    errno = ENOSYS;
    return -1;
}

static const char *dynamic_section(const char *base) {
    uint64_t at;
    uint16_t n;
    memcpy(&at, base + SEGMENTS_AT, sizeof at);
    memcpy(&n, base + SEGMENT_COUNT_AT, sizeof n);
    const char *found = NULL;
    for (size_t i = 0; i < n; i++) {
        struct segment segment;
        memcpy(&segment, base + at + i * sizeof segment, sizeof segment);
        // Addresses count from where the file begins in memory, in every library that linkers make.
        if (segment.type == LOADED && segment.offset == 0 && segment.address != 0) return NULL;
        if (segment.type == DYNAMIC) found = base + segment.address;
    }
    return found;
}

static void change(char *place) {
    int (*function)(int, void *) = refuse;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    char *start = place - (uintptr_t)place % page;
    if (mprotect(start, page, PROT_READ | PROT_WRITE) == 0) memcpy(place, &function, sizeof function);
}

void rusage_refuse(void *runtime) {
    Dl_info info;
    if (!dladdr(runtime, &info) || !info.dli_fbase) return;
    char *base = info.dli_fbase;
    const char *told = memcmp(base, "\177ELF\2\1", 6) == 0 ? dynamic_section(base) : NULL;
    if (!told) return;
    uint64_t values[TAGS] = {0};
    struct entry entry;
    for (;; told += sizeof entry) {
        memcpy(&entry, told, sizeof entry);
        if (entry.tag == END) break;
        if (entry.tag < TAGS) values[entry.tag] = entry.value;
    }
    if (!values[CALLS] || !values[NAMES] || !values[SYMBOLS]) return;
    // Some C libraries leave these as the file has them, some have added where the file lies.
    uint64_t *const addresses[] = {&values[CALLS], &values[NAMES], &values[SYMBOLS]};
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        if (*addresses[i] >= (uintptr_t)base) *addresses[i] -= (uintptr_t)base;
    }
    for (uint64_t i = 0; i < values[CALLS_SIZE] / sizeof(struct call); i++) {
        struct call call;
        struct symbol symbol;
        memcpy(&call, base + values[CALLS] + i * sizeof call, sizeof call);
        memcpy(&symbol, base + values[SYMBOLS] + (call.info >> 32) * sizeof symbol, sizeof symbol);
        if (strcmp(base + values[NAMES] + symbol.name, "getrusage") == 0) change(base + call.place);
    }
}
