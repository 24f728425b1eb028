/* malloc of glibc: patterns over 64 MB, sizes of all kinds, reallocation. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BIG	(64ul << 20)
#define SLOTS	4000

static uint64_t seed = 88172645463325252ul;

static uint64_t next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

static void patterns(void)
{
	uint64_t *p = malloc(BIG), sum = 0;

	for (size_t i = 0; i < BIG / 8; i++)
		p[i] = i * 0x9e3779b97f4a7c15ul;
	for (size_t i = 0; i < BIG / 8; i += 511)
		sum = sum * 3 + p[i];
	for (size_t i = BIG / 8; i-- > 0;)
		if (p[i] != i * 0x9e3779b97f4a7c15ul) {
			printf("not ok: word %zu has changed\n", i);
			break;
		}
	printf("64 MB %lx\n", (unsigned long)sum);
	free(p);
}

static void many(void)
{
	static unsigned char *slot[SLOTS];
	static size_t size[SLOTS];
	unsigned long wrong = 0, sum = 0;

	for (unsigned i = 0; i < 100000; i++) {
		unsigned k = (unsigned)(next() % SLOTS);

		for (size_t j = 0; j < size[k]; j += 97)
			wrong += slot[k][j] != (unsigned char)k;
		if (next() & 1) {
			size[k] = next() % (next() % 64 ? 500 : 200000) + 1;
			slot[k] = realloc(slot[k], size[k]);
		} else {
			free(slot[k]);
			size[k] = next() % 3000 + 1;
			slot[k] = malloc(size[k]);
		}
		memset(slot[k], (int)k, size[k]);
		sum += size[k];
	}
	printf("many %lu, %lu wrong\n", sum, wrong);
}

static void zeroed(void)
{
	unsigned long sum = 0;

	for (unsigned i = 0; i < 50; i++) {
		unsigned char *p = calloc(300000, 1);

		for (size_t j = 0; j < 300000; j += 37)
			sum += p[j];
		memset(p, 0xff, 300000);
		free(p);
	}
	printf("calloc %lu\n", sum);
}

static void growing(void)
{
	unsigned char *p = NULL;
	unsigned long wrong = 0;
	size_t had = 0;

	for (size_t n = 1; n < 32ul << 20; n = n * 3 / 2 + 1) {
		p = realloc(p, n);
		for (size_t i = 0; i < had; i += i / 64 + 1)
			wrong += p[i] != (unsigned char)(i * 7);
		for (; had < n; had++)
			p[had] = (unsigned char)(had * 7);
	}
	printf("grown to %zu, %lu wrong\n", had, wrong);
	free(p);
}

int main(void)
{
	patterns();
	many();
	zeroed();
	growing();
	printf("too much: %s\n", malloc(1ul << 50) ? "given" : "refused");
	return 0;
}
