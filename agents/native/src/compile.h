// Compiling a loaded model.
#ifndef EXRAY_COMPILE_H
#define EXRAY_COMPILE_H

#include "session.h"

// Sets session->options and session->compiled, or fails with op-unregistered, compile-failed, kernel-ignored.
// To be called between diagnosis_begin and diagnosis_end.
void compile(struct session *session, struct session_options options);

#endif
