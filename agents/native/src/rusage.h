// The runtime's profiler asks for the process's memory at both ends of four events of every invocation: getrusage, then
// mallinfo, then /proc/self/status as text. On a MobileNetV2 that is some 7 % of the time it is there to measure, and
// nobody reads the answer. When getrusage fails it asks no further.
#ifndef EXRAY_RUSAGE_H
#define EXRAY_RUSAGE_H

// From now on getrusage fails with ENOSYS: of whoever is in the agent's own process, in one of Java's of the runtime
// alone, the library that address `runtime` is in.
void rusage_refuse(void *runtime);

#endif
