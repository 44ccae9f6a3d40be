#pragma once

int *__errno(void) __attribute__((const));
#define errno (*__errno())

#define ESRCH 3
#define EINTR 4
#define EIO 5
#define EAGAIN 11
#define EWOULDBLOCK EAGAIN
#define ENOMEM 12
#define EINVAL 22
#define EFBIG 27
#define ENOSPC 28
#define EPIPE 32
#define ENOSYS 38
#define EDQUOT 122
