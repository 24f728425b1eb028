/* What the compiler calls for its own arithmetic, where the CPU's instruction may not be used. */
#include <lib/math.h>

int __popcountdi2(uint64_t v);

/* Counts in pairs, in nibbles, in bytes; the product sums the bytes in its highest. */
int __popcountdi2(uint64_t v)
{
	v -= v >> 1 & 0x5555555555555555ul;
	v = (v & 0x3333333333333333ul) + (v >> 2 & 0x3333333333333333ul);
	v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0ful;
	return (int)(v * 0x0101010101010101ul >> 56);
}
