// The agent's passes, and what sets them apart.
#ifndef EXRAY_PASS_H
#define EXRAY_PASS_H

#include <stdbool.h>

enum pass { PASS_LATENCY = 1, PASS_LAYERS = 2, PASS_PROFILE = 3, PASS_ISOLATED = 4, PASSES };  // exray.Pass

struct pass_traits {
    const char *name;
    bool profiler;     // the runtime's profiler runs, and its events are logged
    bool log_inputs;   // tensors go to the capture as the runtime was given them ...
    bool log_outputs;  // ... and as it gave them back
    bool log_memory;   // not with the profiler, whose buffers would be counted, too
    bool all_tensors;  // of the model's inside: every frame runs once, and beyond a limit statistics stand for them
};

extern const struct pass_traits PASS_TRAITS[PASSES];

#endif
