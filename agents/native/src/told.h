// What an app's other threads tell beside a running pass: sensors, and what the system tells apps alone.
#ifndef EXRAY_TOLD_H
#define EXRAY_TOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TOLD_VALUES = 32, TOLD_NAME = 96 };

struct told_figure {
    const char *source;  // as of exray.Figure
    int64_t value;
};

// Between these two what is told goes into the capture; before and after it goes nowhere.
void told_begin(void);
void told_end(void);
// Whether there was a figure in this pass.
bool told_any(void);
// A reading of a sensor, `n` values of at most TOLD_VALUES. From any thread.
void told_sensor(const char *name, uint64_t time_ns, const float *values, size_t n);
// Figures of one moment. From any thread.
void told_figures(uint64_t time_ns, const struct told_figure *figures, size_t n);

#endif
