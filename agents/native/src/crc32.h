// CRC-32 as MCAP, zlib and PNG use it (reflected polynomial 0xEDB88320).
#ifndef EXRAY_CRC32_H
#define EXRAY_CRC32_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Continues `crc` (0 at the start) over `n` bytes, by the processor's own instructions where it has them.
uint32_t crc32_update(uint32_t crc, const void *data, size_t n);
// The same by tables alone, what a processor without them does.
uint32_t crc32_by_table(uint32_t crc, const void *data, size_t n);
// Whether crc32_update uses such instructions.
bool crc32_by_hardware(void);

#endif
