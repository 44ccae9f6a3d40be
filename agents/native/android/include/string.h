#pragma once

#include <stddef.h>

void *memchr(const void *data, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
char *strchr(const char *text, int c);
int strcmp(const char *a, const char *b);
size_t strcspn(const char *text, const char *none);
char *strdup(const char *text) __attribute__((malloc));
char *strerror(int number);
size_t strlen(const char *text);
int strncmp(const char *a, const char *b, size_t n);
char *strrchr(const char *text, int c);
size_t strspn(const char *text, const char *some);
char *strstr(const char *text, const char *part);
char *strtok_r(char *text, const char *marks, char **rest);
