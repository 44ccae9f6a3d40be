#include "../src/clock.h"
#include "log.h"
#include "wire.h"

// FNV-1a, 64 bits; never 0.
static uint64_t hash(enum log_channel channel, const uint8_t *data, size_t n) {
    uint64_t value = 0xCBF29CE484222325u ^ (uint64_t)channel;
    for (size_t i = 0; i < n; i++) value = (value ^ data[i]) * 0x100000001B3u;
    return value ? value : 1;
}

static struct spec *find(struct exray_capture *x, uint64_t key) {
    for (size_t i = 0; i < SPECS; i++) {
        struct spec *spec = &x->specs[(key + i) % SPECS];
        uint64_t held = atomic_load_explicit(&spec->key, memory_order_acquire);
        if (held == key || held == 0) return spec;
    }
    return NULL;
}

static uint32_t add(struct exray_capture *x, enum log_channel channel, uint64_t key, const void *message, size_t size) {
    struct spec *spec = find(x, key);
    if (!spec) log_dropped(x, size);
    if (!spec || atomic_load(&spec->key) == key) return spec ? spec->id : 0;
    uint32_t id = x->spec_count + 1;
    uint8_t head[WIRE_UINT], *at = wire_uint(head, 1, id);
    if (!log_affords(x, WIRE_UINT + size, true)) return 0;
    // Told before anything of it can be.
    if (!log_put(x, channel, monotonic_ns(), head, (size_t)(at - head), message, size)) return 0;
    x->spec_count = spec->id = id;
    atomic_store_explicit(&spec->key, key, memory_order_release);
    return id;
}

uint32_t spec_id(struct exray_capture *x, enum log_channel channel, const void *message, size_t size) {
    uint64_t key = hash(channel, message, size);
    struct spec *spec = find(x, key);
    if (spec && atomic_load_explicit(&spec->key, memory_order_acquire) == key) return spec->id;
    pthread_mutex_lock(&x->specs_lock);
    uint32_t id = add(x, channel, key, message, size);
    pthread_mutex_unlock(&x->specs_lock);
    return id;
}
