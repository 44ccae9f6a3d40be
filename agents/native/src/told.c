#include "told.h"

#include <stdatomic.h>

#include "pending.h"
#include "protobuf.h"
#include "sampler.h"

static atomic_bool running, any;

void told_begin(void) { atomic_store(&running, true); }
void told_end(void) { atomic_store(&running, false); }
bool told_any(void) { return atomic_load(&any); }

void told_sensor(const char *name, uint64_t time_ns, const float *values, size_t n) {
    if (!atomic_load(&running) || n > TOLD_VALUES) return;
    double wide[TOLD_VALUES];
    for (size_t i = 0; i < n; i++) wide[i] = (double)values[i];
    struct bytes message = {0};
    pb_uint(&message, 1, time_ns);
    pb_string(&message, 2, name);
    pb_packed_doubles(&message, 3, wide, n);
    pending_add(PENDING_SENSOR, &message);
    bytes_free(&message);
}

void told_figures(uint64_t time_ns, const struct told_figure *figures, size_t n) {
    if (!atomic_load(&running) || n == 0) return;
    struct bytes message = {0}, figure = {0};
    sampler_head(&message, time_ns, 0);
    for (size_t i = 0; i < n; i++) sampler_put(&message, &figure, figures[i].source, figures[i].value);
    message.failed |= figure.failed;
    atomic_store(&any, true);
    pending_add(PENDING_SAMPLE, &message);
    bytes_free(&message);
    bytes_free(&figure);
}
