#pragma once

#include <stdarg.h>
#include <sys/types.h>

typedef struct __sFILE FILE;

extern FILE *stdin, *stdout, *stderr;
#define stdin stdin
#define stdout stdout
#define stderr stderr

#define EOF (-1)
#define SEEK_CUR 1

FILE *fopen(const char *path, const char *mode);
int fclose(FILE *file);
int fflush(FILE *file);
int ferror(FILE *file);
int fseeko(FILE *file, off_t offset, int whence);
size_t fread(void *data, size_t size, size_t n, FILE *file);
size_t fwrite(const void *data, size_t size, size_t n, FILE *file);
int getc(FILE *file);
int fputs(const char *text, FILE *file);
int snprintf(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
int vsnprintf(char *out, size_t size, const char *format, va_list arguments) __attribute__((format(printf, 3, 0)));
int sscanf(const char *text, const char *format, ...) __attribute__((format(scanf, 2, 3)));
