// What ends an agent whose host has gone or that takes too long, also when the runtime hangs.
#ifndef EXRAY_WATCH_H
#define EXRAY_WATCH_H

#include <stdbool.h>

// Starts a thread that sleeps until nobody reads stdout any more, or `deadline` seconds have gone by (0: no deadline),
// or, if `stdin_too`, stdin is at its end. It asks the agent to stop, and ends the process when that has not helped
// after two seconds.
void watch_start(unsigned deadline, bool stdin_too);
// Whether the deadline is what asked the agent to stop: fails with deadline-exceeded.
void watch_check_deadline(void);

#endif
