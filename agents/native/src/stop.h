// Being told to stop: SIGTERM, SIGHUP, SIGINT, or by the watching thread (watch.h).
#ifndef EXRAY_STOP_H
#define EXRAY_STOP_H

void stop_install(void);
// The signal's number (SIGPIPE when stdout is closed, SIGALRM past the deadline), or 0 to go on.
int stop_requested(void);
void stop_request(int signal_number);

#endif
