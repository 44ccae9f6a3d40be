// One agent at a time: no agent of an old lease is alive when that of a new one starts to measure.
#ifndef EXRAY_LEASE_H
#define EXRAY_LEASE_H

#include <stdint.h>

// Takes the lock file at `path` for as long as this process lives, in the name of the lease `token`. Another agent that
// holds it under the same token or an older one is ended: SIGTERM, then SIGKILL.
// Fails with lease-superseded when a newer token has been here, with lease-held when the holder cannot be ended or is
// no agent, or when there is no such file to be had.
void lease_take(const char *path, uint64_t token);

#endif
