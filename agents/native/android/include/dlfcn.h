#pragma once

#define RTLD_LOCAL 0
#define RTLD_NOW 2
#define RTLD_DEFAULT ((void *)0)

void *dlopen(const char *path, int flags);
void *dlsym(void *library, const char *name);
char *dlerror(void);
