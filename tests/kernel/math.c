/* Arithmetic of lib/math. */
#include <lib/ktest.h>
#include <lib/math.h>

KTEST(math, mul_div)
{
	EXPECT_EQ(mul_div(0, 5, 7), 0);
	EXPECT_EQ(mul_div(7, 3, 2), 10);
	EXPECT_EQ(mul_div(UINT64_MAX, UINT64_MAX, UINT64_MAX), UINT64_MAX);
	EXPECT_EQ(mul_div(UINT64_MAX, 1ul << 40, 1ul << 41), UINT64_MAX / 2);
	EXPECT_EQ(mul_div(1ul << 63, 10, 1000), (1ul << 63) / 100);
}

KTEST(math, popcount)
{
	volatile uint64_t v = UINT64_MAX;

	EXPECT_EQ(__builtin_popcountl(v), 64);
	v = 0;
	EXPECT_EQ(__builtin_popcountl(v), 0);
	for (unsigned i = 0; i < 64; i++) {
		v = 1ul << i;
		EXPECT_EQ(__builtin_popcountl(v), 1);
		v = ~v;
		EXPECT_EQ(__builtin_popcountl(v), 63);
		v = (1ul << i) - 1;
		EXPECT_EQ(__builtin_popcountl(v), i);
	}
}
