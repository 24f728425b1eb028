/* Random numbers (splitmix64) that depend on the seed and the step's path alone. */
#include "aspace.h"

static uint64_t state;

uint64_t random_bits(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15ul;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ul;
	z = (z ^ z >> 27) * 0x94d049bb133111ebul;
	return z ^ z >> 31;
}

void random_start(uint64_t from, const char *path)
{
	state = from * 0xd1342543de82ef95ul + 1;
	for (; *path; path++)
		state = random_bits() ^ (uint8_t)*path;
	random_bits();
}

uint64_t rnd(uint64_t n)
{
	return random_bits() % n;
}

bool chance(unsigned percent)
{
	return rnd(100) < percent;
}
