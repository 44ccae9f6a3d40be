// The processor a model is to run on, and whether it does.
#ifndef EXRAY_ACCELERATOR_H
#define EXRAY_ACCELERATOR_H

#include "session.h"

// "cpu", "gpu", "npu".
const char *accelerator_name(enum litert_accelerator accelerator);
// Sets session->environment, with nothing but the accelerator asked for, or fails with accelerator-missing.
// To be called between diagnosis_begin and diagnosis_end.
void accelerator_open(struct session *session, struct session_options options);
// Ends after the runtime refused to compile for anything but the CPU: the model's fault, or the accelerator's.
_Noreturn void accelerator_refused(const struct session *session, enum litert_accelerator accelerator, int status);
// Fails with accelerator-unused where the compiled model runs elsewhere.
void accelerator_check(const struct session *session, struct session_options options);

#endif
