// These headers are the part of bionic's C library (API 26, 64 bit) that exray uses, declared from its documented ABI, for
// builds without an NDK. tests/agents/test_android.py holds names and layouts against the system's.
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef long ssize_t;
typedef int64_t off_t;
typedef int pid_t;
typedef unsigned uid_t, gid_t;
typedef int clockid_t;
typedef long time_t, suseconds_t;
typedef unsigned long ino_t, dev_t;
typedef unsigned mode_t;
typedef long blkcnt_t;
