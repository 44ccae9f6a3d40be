// The passes: what is run how often, and what of it is written down.
#ifndef EXRAY_PASSES_H
#define EXRAY_PASSES_H

#include "options.h"

// Runs the pass and writes its capture. Returns 0, or 128 + the signal's number when told to stop: the capture then is
// whole but for its End message.
int passes_run(const struct options *options);

#endif
