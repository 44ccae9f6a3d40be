#pragma once

#if defined(__aarch64__)
#define SYS_getrusage 165
#elif defined(__x86_64__)
#define SYS_getrusage 98
#endif
