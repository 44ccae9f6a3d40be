#pragma once

#include <stdint.h>

#define PRId32 "d"
#define PRIu64 "lu"
#define PRIx64 "lx"
#define SCNu64 "lu"
