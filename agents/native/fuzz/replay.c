// A target's driver where there is no libFuzzer: plays a folder's files, then files like them with random damage.
//   replay-TARGET FOLDER COUNT SEED
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

enum { MAX_FILES = 256 };

static struct {
    uint8_t data[FUZZ_MAX_SIZE];
    size_t size;
} files[MAX_FILES];
static size_t file_count;

static uint64_t state;  // of xorshift64*, G. Marsaglia

static size_t below(size_t n) {
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return n ? (size_t)((state * UINT64_C(2685821657736338717)) >> 16) % n : 0;
}

static void read_files(const char *folder) {
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries && (entry = readdir(entries)) && file_count < MAX_FILES;) {
        char path[4096];
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        FILE *file = fopen(path, "rb");
        if (!file) continue;
        files[file_count].size = fread(files[file_count].data, 1, FUZZ_MAX_SIZE, file);
        file_count++;
        fclose(file);
    }
    if (entries) closedir(entries);
}

// The values that break things, and any other.
static uint8_t byte(void) {
    static const uint8_t odd[] = {0, 1, 9, '\n', ' ', '#', '-', '0', '9', '@', 0x7F, 0x80, 0xFE, 0xFF};
    return below(2) ? odd[below(sizeof odd)] : (uint8_t)below(256);
}

static size_t damage(uint8_t *data, size_t size) {
    size_t at = below(size), n = 1 + below(8);
    switch (below(5)) {
        case 0:  // overwrite
            for (size_t i = at; i < at + n && i < size; i++) data[i] = byte();
            return size;
        case 1:  // one bit
            if (size) data[at] ^= (uint8_t)(1u << below(8));
            return size;
        case 2:  // cut off
            return at;
        case 3:  // take out
            n = n < size - at ? n : size - at;
            memmove(data + at, data + at + n, size - at - n);
            return size - n;
        default:  // put in
            if (size + n > FUZZ_MAX_SIZE) return size;
            memmove(data + at + n, data + at, size - at);
            for (size_t i = 0; i < n; i++) data[at + i] = byte();
            return size + n;
    }
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    read_files(argv[1]);
    state = strtoull(argv[3], NULL, 10) * 2 + 1;
    for (size_t i = 0; i < file_count; i++) LLVMFuzzerTestOneInput(files[i].data, files[i].size);
    unsigned long count = file_count ? strtoul(argv[2], NULL, 10) : 0;
    for (unsigned long i = 0; i < count; i++) {
        static uint8_t copy[FUZZ_MAX_SIZE];
        size_t which = below(file_count), size = files[which].size;
        memcpy(copy, files[which].data, size);
        for (size_t times = 1 + below(4); times > 0; times--) size = damage(copy, size);
        // A block of its own size, so that a byte too far is seen.
        uint8_t *exact = malloc(size ? size : 1);
        if (!exact) return 1;
        memcpy(exact, copy, size);
        LLVMFuzzerTestOneInput(exact, size);
        free(exact);
    }
    printf("%zu files, %lu damaged\n", file_count, count);
    return file_count ? 0 : 2;
}
