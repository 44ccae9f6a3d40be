// SHA-256 (FIPS 180-4).
#ifndef EXRAY_SHA256_H
#define EXRAY_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_SIZE = 32 };

struct sha256 {
    uint32_t state[8];
    uint64_t length;  // bytes taken so far
    uint8_t block[64];
};

void sha256_init(struct sha256 *hash);
void sha256_update(struct sha256 *hash, const void *data, size_t n);
void sha256_final(struct sha256 *hash, uint8_t out[SHA256_SIZE]);
// Of a whole file. 0, or an errno.
int sha256_file(const char *path, uint8_t out[SHA256_SIZE]);

#endif
