// sources:
/*
 * lib/string.c against the C library over random sizes, places and contents.
 * It is compiled into this file under other names; blocks come from malloc, so
 * that ASan sees an access outside of them.
 */
#define memcpy quire_memcpy
#define memmove quire_memmove
#define memset quire_memset
#define memcmp quire_memcmp
#define memchr quire_memchr
#define strlen quire_strlen
#define strnlen quire_strnlen
#define strcmp quire_strcmp
#define strncmp quire_strncmp
#define strchr quire_strchr
#define strrchr quire_strrchr
#define strlcpy quire_strlcpy
#include "lib/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strrchr
#undef strlcpy

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS	100000
#define SIZE	600

static unsigned tests, bad;
static unsigned char *ours, *theirs, *from;

static unsigned below(unsigned n) { return (unsigned)rand() % n; }
static int sign(int v) { return (v > 0) - (v < 0); }

/* Few different characters, so that comparisons go on for a while. */
static void randomise(unsigned char *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		p[i] = below(8) ? 'a' : (unsigned char)below(256);
}

/* Sizes near 0 and up to SIZE alike. */
static unsigned random_size(unsigned max)
{
	return below(below(2) ? MIN(max, 40u) + 1 : max + 1);
}

static void start(void)
{
	randomise(ours, SIZE);
	memcpy(theirs, ours, SIZE);
	randomise(from, SIZE);
}

static bool copy_case(void)
{
	unsigned to = random_size(SIZE), at = random_size(SIZE);
	unsigned n = random_size(SIZE - MAX(to, at));

	start();
	memcpy(theirs + to, from + at, n);
	return quire_memcpy(ours + to, from + at, n) == ours + to && !memcmp(ours, theirs, SIZE);
}

static bool move_case(void)
{
	unsigned to = random_size(SIZE), at = random_size(SIZE);
	unsigned n = random_size(SIZE - MAX(to, at));

	start();
	memmove(theirs + to, theirs + at, n);
	return quire_memmove(ours + to, ours + at, n) == ours + to && !memcmp(ours, theirs, SIZE);
}

static bool set_case(void)
{
	unsigned to = random_size(SIZE), n = random_size(SIZE - to);
	int c = rand();

	start();
	memset(theirs + to, c, n);
	return quire_memset(ours + to, c, n) == ours + to && !memcmp(ours, theirs, SIZE);
}

static bool compare_case(void)
{
	unsigned n = random_size(SIZE - 8), at = below(8);
	int c = below(2) ? 'a' : rand();

	start();
	if (below(2))
		memcpy(from + at, ours, n);
	return sign(memcmp(ours, from + at, n)) == sign(quire_memcmp(ours, from + at, n)) &&
	       memchr(from + at, c, n) == quire_memchr(from + at, c, n);
}

/* Strings that end where their block ends. */
static bool string_case(void)
{
	unsigned na = random_size(60), nb = random_size(60), n = below(70);
	char *a = malloc(na + 1), *b = malloc(nb + 1), *out = malloc(n + 1);
	int c = below(4) ? 'a' : below(2) ? 0 : (int)below(256);
	bool good;

	randomise((unsigned char *)a, na);
	randomise((unsigned char *)b, nb);
	a[na] = b[nb] = '\0';
	good = strlen(a) == quire_strlen(a) && strnlen(a, n) == quire_strnlen(a, n) &&
	       sign(strcmp(a, b)) == sign(quire_strcmp(a, b)) &&
	       sign(strncmp(a, b, n)) == sign(quire_strncmp(a, b, n)) &&
	       strchr(a, c) == quire_strchr(a, c) && strrchr(a, c) == quire_strrchr(a, c);
	good = good && quire_strlcpy(out, a, n + 1) == strlen(a) &&
	       strlen(out) == MIN(n, strlen(a)) && !strncmp(out, a, strlen(out));
	free(a);
	free(b);
	free(out);
	return good;
}

static void run(const char *name, bool (*one)(void))
{
	unsigned wrong = 0;

	for (unsigned i = 0; i < ROUNDS; i++)
		wrong += !one();
	bad += wrong != 0;
	printf("%s %u - %s: %u of %u cases wrong\n", wrong ? "not ok" : "ok", ++tests, name, wrong,
	       ROUNDS);
}

int main(void)
{
	srand(1);
	ours = malloc(SIZE);
	theirs = malloc(SIZE);
	from = malloc(SIZE);
	run("memcpy", copy_case);
	run("memmove", move_case);
	run("memset", set_case);
	run("memcmp, memchr", compare_case);
	run("strings", string_case);
	printf("1..%u\n", tests);
	free(ours);
	free(theirs);
	free(from);
	return bad != 0;
}
