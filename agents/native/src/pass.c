#include "pass.h"

const struct pass_traits PASS_TRAITS[PASSES] = {
    [PASS_LATENCY] = {.name = "latency", .log_outputs = true, .log_memory = true},
    [PASS_LAYERS] = {.name = "layers", .profiler = true, .log_inputs = true, .log_outputs = true, .all_tensors = true},
    [PASS_PROFILE] = {.name = "profile", .profiler = true},
    [PASS_ISOLATED] = {.name = "isolated", .log_outputs = true, .all_tensors = true},
};
