#include "crc32.h"

#include "crc32_hardware.h"

// Eight tables: eight bytes a step ("slicing by 8"), about four times the speed of one table.
static uint32_t table[8][256];

static void fill_table(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1 ? 0xEDB88320u : 0);
        table[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; i++) {
        for (int k = 1; k < 8; k++) table[k][i] = (table[k - 1][i] >> 8) ^ table[0][table[k - 1][i] & 0xFF];
    }
}

static uint32_t load_u32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t crc32_by_table(uint32_t crc, const void *data, size_t n) {
    static bool filled;
    if (!filled) {
        fill_table();
        filled = true;
    }
    const uint8_t *p = data;
    crc = ~crc;
    for (; n >= 8; p += 8, n -= 8) {
        uint32_t low = crc ^ load_u32(p);
        uint32_t high = load_u32(p + 4);
        crc = table[7][low & 0xFF] ^ table[6][(low >> 8) & 0xFF] ^ table[5][(low >> 16) & 0xFF] ^ table[4][low >> 24] ^
              table[3][high & 0xFF] ^ table[2][(high >> 8) & 0xFF] ^ table[1][(high >> 16) & 0xFF] ^
              table[0][high >> 24];
    }
    while (n--) crc = (crc >> 8) ^ table[0][(crc ^ *p++) & 0xFF];
    return ~crc;
}

bool crc32_by_hardware(void) {
    static int known = -1;
    if (known < 0) known = crc32_hardware_present();
    return known;
}

uint32_t crc32_update(uint32_t crc, const void *data, size_t n) {
    if (!crc32_by_hardware()) return crc32_by_table(crc, data, n);
    size_t taken = 0;
    crc = crc32_hardware(crc, data, n, &taken);
    return taken == n ? crc : crc32_by_table(crc, (const uint8_t *)data + taken, n - taken);
}
