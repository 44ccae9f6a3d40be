// Why the runtime refused a model. LiteRT's status codes do not say; its lines on stderr do, and they alone name an
// operator that it does not know.
#ifndef EXRAY_DIAGNOSIS_H
#define EXRAY_DIAGNOSIS_H

#include "error.h"

// Between the two, what the runtime writes to stderr is held back; diagnosis_end passes it on.
void diagnosis_begin(void);
void diagnosis_end(void);
// Forgets what was held back.
void diagnosis_drop(void);
// Ends like fail(), with op-unregistered where the runtime named an operator, else with its first ERROR line added.
_Noreturn void diagnosis_fail(enum error_code code, const char *where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
