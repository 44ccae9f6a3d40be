// Which processors the agent runs on. Bit n stands for cpu n; of more than 64 only the first 64 can be named.
#ifndef EXRAY_AFFINITY_H
#define EXRAY_AFFINITY_H

#include <stdint.h>

// Binds this thread, and all it will start, to `mask`, or fails with cpu-mask-refused.
void affinity_set(uint64_t mask);
// As the system tells it, 0 when it does not.
uint64_t affinity_get(void);

#endif
