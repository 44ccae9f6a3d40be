// CRC-32 by the processor's own instructions.
#ifndef EXRAY_CRC32_HARDWARE_H
#define EXRAY_CRC32_HARDWARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Whether this very processor has them.
bool crc32_hardware_present(void);
// Continues `crc` over the first *taken of `n` bytes, as many as the instructions are made for. Only where present.
uint32_t crc32_hardware(uint32_t crc, const void *data, size_t n, size_t *taken);

#endif
