/*
 * Memory and strings.
 *
 * Bulk work is `rep movsq` and `rep stosq`: fast on hardware, and under QEMU's
 * TCG, which runs one iteration of a rep instruction at a time, eight times as
 * fast as their byte forms. Up to 7 bytes remain; one unaligned word that
 * overlaps the bulk covers them, so that no byte loop is needed.
 *
 * The compiler may turn a loop into a call of the function it stands in
 * (memset as a loop of stores, say); the build forbids that with
 * -ffreestanding and -fno-tree-loop-distribute-patterns.
 */
#include <lib/string.h>

/* A word that may lie anywhere and alias anything. */
typedef uint64_t word_t __attribute__((may_alias, aligned(1)));
typedef uint32_t half_t __attribute__((may_alias, aligned(1)));
typedef uint16_t quarter_t __attribute__((may_alias, aligned(1)));

#define WORD	sizeof(word_t)
/* Starting a rep instruction costs some 30 cycles: not for less words than this. */
#define REP_MIN	16

static __always_inline_ void store_words(unsigned char *d, uint64_t v, size_t words)
{
	if (words >= REP_MIN)
		__asm__ volatile("rep stosq" : "+D"(d), "+c"(words) : "a"(v) : "memory");
	else
		for (; words; words--, d += WORD)
			*(word_t *)d = v;
}

/* Ascending; right also where d lies below s and they overlap. */
static __always_inline_ void copy_words(unsigned char *d, const unsigned char *s, size_t words)
{
	if (words >= REP_MIN)
		__asm__ volatile("rep movsq" : "+D"(d), "+S"(s), "+c"(words) :: "memory");
	else
		for (; words; words--, d += WORD, s += WORD)
			*(word_t *)d = *(const word_t *)s;
}

/* Up to 7 bytes, all read before the first is written. */
static __always_inline_ void copy_few(unsigned char *d, const unsigned char *s, size_t n)
{
	if (n >= 4) {
		half_t first = *(const half_t *)s, last = *(const half_t *)(s + n - 4);

		*(half_t *)d = first;
		*(half_t *)(d + n - 4) = last;
	} else if (n >= 2) {
		quarter_t first = *(const quarter_t *)s, last = *(const quarter_t *)(s + n - 2);

		*(quarter_t *)d = first;
		*(quarter_t *)(d + n - 2) = last;
	} else if (n) {
		*d = *s;
	}
}

static __always_inline_ void *copy_up(void *dst, const void *src, size_t n)
{
	unsigned char *d = dst;
	const unsigned char *s = src;
	word_t last;

	if (n < WORD) {
		copy_few(d, s, n);
		return dst;
	}
	last = *(const word_t *)(s + n - WORD);
	copy_words(d, s, n / WORD);
	*(word_t *)(d + n - WORD) = last;
	return dst;
}

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
	return copy_up(dst, src, n);
}

void *memmove(void *dst, const void *src, size_t n)
{
	unsigned char *d = dst;
	const unsigned char *s = src;
	word_t first;

	/* d below s, or beyond its end: ascending order never overwrites what is still to be read */
	if ((uintptr_t)d - (uintptr_t)s >= n || n < WORD)
		return copy_up(dst, src, n);
	first = *(const word_t *)s;
	for (; n >= WORD; n -= WORD)
		*(word_t *)(d + n - WORD) = *(const word_t *)(s + n - WORD);
	*(word_t *)d = first;
	return dst;
}

void *memset(void *dst, int c, size_t n)
{
	uint64_t v = (unsigned char)c * 0x0101010101010101ul;
	unsigned char *d = dst;

	if (n < WORD) {
		copy_few(d, (const unsigned char *)&v, n);
		return dst;
	}
	store_words(d, v, n / WORD);
	*(word_t *)(d + n - WORD) = v;
	return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *p = a, *q = b;

	for (; n >= WORD; n -= WORD, p += WORD, q += WORD)
		if (*(const word_t *)p != *(const word_t *)q)
			break;
	for (; n; n--, p++, q++)
		if (*p != *q)
			return *p - *q;
	return 0;
}

void *memchr(const void *s, int c, size_t n)
{
	const unsigned char *p = s;

	for (; n; n--, p++)
		if (*p == (unsigned char)c)
			return (void *)(uintptr_t)p;
	return NULL;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	for (; *a && *a == *b; a++, b++)
		;
	return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n && *a && *a == *b; n--, a++, b++)
		;
	return n ? (unsigned char)*a - (unsigned char)*b : 0;
}

char *strchr(const char *s, int c)
{
	for (; *s != (char)c; s++)
		if (!*s)
			return NULL;
	return (char *)(uintptr_t)s;
}

char *strrchr(const char *s, int c)
{
	const char *last = NULL;

	for (;; s++) {
		if (*s == (char)c)
			last = s;
		if (!*s)
			return (char *)(uintptr_t)last;
	}
}

size_t strlcpy(char *dst, const char *src, size_t n)
{
	size_t len = strlen(src), fits;

	if (n) {
		fits = MIN(len, n - 1);
		memcpy(dst, src, fits);
		dst[fits] = '\0';
	}
	return len;
}
