// What is said of a tensor that is not logged in full.
#ifndef EXRAY_STATISTICS_H
#define EXRAY_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

#include "session.h"

// Over the finite values, in real units: (q - zero_point) * scale for a tensor quantized per tensor, else the values
// themselves. All zero when no value is finite.
struct statistics {
    uint64_t count;             // of all values
    double min, max, mean, rms;
    uint64_t saturated;         // values at the limits of their integer type, or infinite
    uint64_t nan;
};

// Of the tensor's packed bytes. A type that has no numbers gives a count of 0.
struct statistics statistics_of(const struct tensor *tensor, const void *data);

#endif
