// CRC-32 as MCAP, zlib and PNG use it (reflected polynomial 0xEDB88320).
#ifndef EXRAY_CRC32_H
#define EXRAY_CRC32_H

#include <stddef.h>
#include <stdint.h>

// Continues `crc` (0 at the start) over `n` bytes.
uint32_t crc32_update(uint32_t crc, const void *data, size_t n);

#endif
