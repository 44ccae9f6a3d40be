// Messages that other threads have for the capture. They wait until the main thread, between two invocations, writes
// them.
#ifndef EXRAY_PENDING_H
#define EXRAY_PENDING_H

#include "capture.h"

enum pending_kind { PENDING_SAMPLE, PENDING_SENSOR };

// Takes a copy of a whole message; one too many is dropped rather than memory filled. From any thread.
void pending_add(enum pending_kind kind, const struct bytes *message);
// Writes what has come since the last time; a flag is all it costs when there is nothing.
void pending_write(struct capture *capture);

#endif
