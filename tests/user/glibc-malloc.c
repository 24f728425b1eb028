/* The same as malloc, with glibc. */
#include "malloc.c"
