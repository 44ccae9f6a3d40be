// A thread that reads power, clocks, heat, load and memory at a low rate while the model runs. It logs nothing itself:
// what it read waits (pending.h).
#ifndef EXRAY_SAMPLER_H
#define EXRAY_SAMPLER_H

#include <stdbool.h>

#include "capture.h"

// Starts the thread, which reads every `period_ms` milliseconds; 0: no thread. `pss`: also the proportional memory,
// whose reading walks all pages. To be called before the main thread binds itself to processors: they are the model's.
void sampler_start(unsigned period_ms, bool pss);
// From now on samples belong to `phase`; the moment is logged, too.
void sampler_phase(struct capture *capture, enum sample_phase phase);
// Of an exray.Sample: its moment, how long it took to read, and its phase; and a figure, by way of a scratch message.
void sampler_head(struct bytes *message, uint64_t time, uint64_t took);
void sampler_put(struct bytes *message, struct bytes *figure, const char *source, int64_t value);

#endif
