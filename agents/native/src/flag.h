// Values of the command line, checked; whatever does not fit ends in bad-usage.
#ifndef EXRAY_FLAG_H
#define EXRAY_FLAG_H

#include <stddef.h>
#include <stdint.h>

unsigned flag_number(const char *option, const char *text, unsigned low, unsigned high);
uint64_t flag_big_number(const char *option, const char *text, uint64_t low);
int32_t flag_integer(const char *option, const char *text);
// A finite decimal number; `*end` is where it stops.
double flag_real_until(const char *option, const char *text, char **end);
// All of `text`.
double flag_real(const char *option, const char *text);
// The position of `text` in `words`, which end with NULL.
size_t flag_one_of(const char *option, const char *text, const char *const *words);
#define FLAG_ONE_OF(option, text, ...) flag_one_of(option, text, (const char *const[]){__VA_ARGS__, NULL})

#endif
