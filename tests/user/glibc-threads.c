/* flags: -pthread */
/* threads.c with glibc: clone3 that is not there, its own locks, its own cancellation. */
#include "threads.c"
