/* Arithmetic that C would take from the compiler's library. */
#ifndef LIB_MATH_H
#define LIB_MATH_H

#include <arch/types.h>

/* a * b / c, rounded down, by way of 128 bits. The result must fit 64 bits (a <= c or b <= c will do); c > 0. */
static inline uint64_t mul_div(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t high, low;

	__asm__("mulq %3" : "=a"(low), "=d"(high) : "a"(a), "rm"(b) : "cc");
	__asm__("divq %4" : "=a"(low), "=d"(high) : "a"(low), "d"(high), "rm"(c) : "cc");
	return low;
}

#endif
