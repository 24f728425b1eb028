/* abort() of glibc. */
#include "abort.c"
