#ifndef EXRAY_VERSION_H
#define EXRAY_VERSION_H

#define EXRAY_AGENT_VERSION "0.2.0"

#if defined(__x86_64__)
#define EXRAY_ABI "x86_64"
#elif defined(__aarch64__)
#define EXRAY_ABI "arm64-v8a"
#else
#error "the agent's LiteRT declarations are for 64-bit processors: x86_64, aarch64"
#endif

#endif
