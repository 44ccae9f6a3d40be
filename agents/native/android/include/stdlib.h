#pragma once

#include <stddef.h>


void *malloc(size_t size) __attribute__((malloc));
void *calloc(size_t n, size_t size) __attribute__((malloc));
void *realloc(void *block, size_t size);
int posix_memalign(void **out, size_t alignment, size_t size);
void free(void *block);
void abort(void) __attribute__((noreturn));
void exit(int status) __attribute__((noreturn));
void qsort(void *base, size_t n, size_t size, int (*compare)(const void *, const void *));
double strtod(const char *text, char **end);
unsigned long strtoul(const char *text, char **end, int base);
long long strtoll(const char *text, char **end, int base);
unsigned long long strtoull(const char *text, char **end, int base);
