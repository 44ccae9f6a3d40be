#include "crc32_hardware.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

bool crc32_hardware_present(void) {
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_PCLMUL) && (c & bit_SSE4_1);
}

#define CARRYLESS __attribute__((target("pclmul,sse4.1")))

CARRYLESS static __m128i load(const uint8_t *p) { return _mm_loadu_si128((const __m128i *)(const void *)p); }

// `state`, moved along by as many bits as `k` stands for, and the bits there.
CARRYLESS static __m128i fold(__m128i state, __m128i k, __m128i next) {
    __m128i low = _mm_clmulepi64_si128(state, k, 0x00), high = _mm_clmulepi64_si128(state, k, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

// Folding with carry-less multiplication: V. Gopal et al., "Fast CRC Computation for Generic Polynomials Using
// PCLMULQDQ Instruction", Intel, 2009. The constants are x^n modulo the polynomial, bits reversed: for steps of 64 and
// of 16 bytes, and from 128 bits to 64; then Barrett's quotient and the polynomial itself.
CARRYLESS uint32_t crc32_hardware(uint32_t crc, const void *data, size_t n, size_t *taken) {
    *taken = 0;
    if (n < 64) return crc;
    const uint8_t *p = data;
    const uint8_t *end = p + n / 16 * 16;
    *taken = (size_t)(end - p);
    const __m128i by64 = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4), by16 = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);

    __m128i a = _mm_xor_si128(load(p), _mm_cvtsi32_si128((int)~crc));
    __m128i b = load(p + 16), c = load(p + 32), d = load(p + 48);
    for (p += 64; end - p >= 64; p += 64) {
        a = fold(a, by64, load(p));
        b = fold(b, by64, load(p + 16));
        c = fold(c, by64, load(p + 32));
        d = fold(d, by64, load(p + 48));
    }
    a = fold(a, by16, b);
    a = fold(a, by16, c);
    a = fold(a, by16, d);
    for (; p < end; p += 16) a = fold(a, by16, load(p));

    const __m128i low32 = _mm_setr_epi32(-1, 0, -1, 0);
    a = _mm_xor_si128(_mm_srli_si128(a, 8), _mm_clmulepi64_si128(a, by16, 0x10));
    __m128i short_step = _mm_clmulepi64_si128(_mm_and_si128(a, low32), _mm_set_epi64x(0, 0x0163cd6124), 0x00);
    a = _mm_xor_si128(_mm_srli_si128(a, 4), short_step);
    const __m128i barrett = _mm_set_epi64x(0x01f7011641, 0x01db710641);
    __m128i quotient = _mm_and_si128(_mm_clmulepi64_si128(_mm_and_si128(a, low32), barrett, 0x10), low32);
    a = _mm_xor_si128(a, _mm_clmulepi64_si128(quotient, barrett, 0x00));
    return ~(uint32_t)_mm_extract_epi32(a, 1);
}

#elif defined(__aarch64__)

#include <string.h>
#include <sys/auxv.h>

bool crc32_hardware_present(void) {
    enum { CRC32_CAPABILITY = 1 << 7 };  // HWCAP_CRC32 of Linux's asm/hwcap.h
    return getauxval(AT_HWCAP) & CRC32_CAPABILITY;
}

uint32_t crc32_hardware(uint32_t crc, const void *data, size_t n, size_t *taken) {
    const uint8_t *p = data;
    crc = ~crc;
    *taken = n;
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t value;
        memcpy(&value, p, sizeof value);
        __asm__(".arch_extension crc\n\tcrc32x %w0, %w0, %x1" : "+r"(crc) : "r"(value));
    }
    for (; n > 0; p++, n--) __asm__(".arch_extension crc\n\tcrc32b %w0, %w0, %w1" : "+r"(crc) : "r"((uint32_t)*p));
    return ~crc;
}

#else

bool crc32_hardware_present(void) { return false; }

uint32_t crc32_hardware(uint32_t crc, const void *data, size_t n, size_t *taken) {
    (void)data, (void)n;
    *taken = 0;
    return crc;
}

#endif
