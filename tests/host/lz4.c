// sources: lib/lz4.c
// libs: -llz4
/*
 * LZ4 blocks: what we compress Debian's liblz4 unpacks, and the other way round, to the same
 * bytes: pages of every kind and any length. Damaged blocks are refused or unpacked to something, and
 * touch nothing outside (ASan watches: each buffer has its exact size).
 */
#include <lib/assert.h>
#include <lib/lz4.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include <lz4.h>

#define PAGE	4096u
#define ROUNDS	400u

void panic(const char *fmt, ...)
{
	fprintf(stderr, "panic: %s\n", fmt);
	abort();
}

static uint64_t state = 88172645463325252ull;

static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* ---- content ---- */

static void zeros(uint8_t *p, size_t n) { memset(p, 0, n); }

static void noise(uint8_t *p, size_t n)
{
	while (n--)
		*p++ = (uint8_t)(next() >> 20);
}

static void text(uint8_t *p, size_t n)
{
	static const char *const words[] = {
		"the ", "page ", "of ", "memory ", "fault ", "is ", "table ", "and ", "entry, ",
		"frame ", "a ", "CPU ", "lock.\n", "in ", "which ", "address ",
	};

	while (n) {
		const char *w = words[next() >> 30 & 15];
		size_t k = strlen(w) < n ? strlen(w) : n;

		memcpy(p, w, k);
		p += k;
		n -= k;
	}
}

/* Pointers, small numbers, gaps: what heaps look like. */
static void heap(uint8_t *p, size_t n)
{
	memset(p, 0, n);
	for (size_t i = 0; i + 8 <= n; i += 8) {
		uint64_t v = next() & 3 ? next() & 255 : 0x7f0000000000 + (next() & 0xffff0);

		memcpy(p + i, &v, 8);
	}
}

/* Runs that repeat at any distance, short ones among them. */
static void runs(uint8_t *p, size_t n)
{
	size_t at = 0;

	while (at < n) {
		size_t len = 1 + (next() >> 30) % 300, distance = at ? 1 + (next() >> 30) % at : 0;

		for (; len-- && at < n; at++)
			p[at] = distance && next() % 400 ? p[at - distance] : (uint8_t)next();
	}
}

static const struct { void (*fill)(uint8_t *p, size_t n); const char *name; } kinds[] = {
	{ zeros, "zeros" }, { noise, "noise" }, { text, "text" }, { heap, "heap" }, { runs, "runs" },
};
#define NKINDS	(sizeof(kinds) / sizeof(kinds[0]))

/* ---- both ways ---- */

static uint64_t work[LZ4_WORK_BYTES / 8];
static size_t sum_in, sum_ours, sum_theirs;

/* n bytes of their own at the end of which ASan watches. */
static uint8_t *copy_of(const void *p, size_t n)
{
	uint8_t *c = malloc(n ? n : 1);

	if (n)
		memcpy(c, p, n);
	return c;
}

static int unpacks(const uint8_t *block, size_t n, const uint8_t *page, size_t size)
{
	uint8_t *b = copy_of(block, n), *ours = malloc(size ? size : 1), *theirs = malloc(size ? size : 1);
	int good = lz4_decompress(b, n, ours, size) == (ssize_t)size && !memcmp(ours, page, size);

	good &= LZ4_decompress_safe((char *)b, (char *)theirs, (int)n, (int)size) == (int)size &&
		!memcmp(theirs, page, size);
	if (size)			/* a byte less room is too little */
		good &= lz4_decompress(b, n, ours, size - 1) == -1;
	free(b);
	free(ours);
	free(theirs);
	return good;
}

/* One content of that size, by both; also into exactly as much room as it needs, and one byte less. */
static int both_ways(void (*fill)(uint8_t *p, size_t n), size_t size)
{
	size_t room = (size_t)LZ4_compressBound((int)size), n;
	uint8_t *page = malloc(size ? size : 1), *block = malloc(room), *exact;
	int theirs, good;

	fill(page, size);
	n = lz4_compress(page, size, block, room, work);
	good = n && unpacks(block, n, page, size);
	exact = malloc(n);
	good &= lz4_compress(page, size, exact, n, work) == n && !memcmp(exact, block, n);
	good &= lz4_compress(page, size, exact, n - 1, work) == 0;
	theirs = LZ4_compress_default((char *)page, (char *)block, (int)size, (int)room);
	good &= theirs > 0 && unpacks(block, (size_t)theirs, page, size);
	sum_in += size;
	sum_ours += n;
	sum_theirs += (size_t)theirs;
	free(page);
	free(block);
	free(exact);
	return good;
}

static void pages_both_ways(void)
{
	for (unsigned k = 0; k < NKINDS; k++) {
		int good = 1;

		sum_in = sum_ours = sum_theirs = 0;
		for (unsigned i = 0; i < ROUNDS && good; i++)
			good = both_ways(kinds[k].fill, PAGE);
		printf("# pages of %s: %zu %% of their size, liblz4: %zu %%\n", kinds[k].name,
		       sum_ours * 100 / sum_in, sum_theirs * 100 / sum_in);
		CHECK(good);
		CHECK(sum_ours <= sum_theirs + sum_in / 20);
	}
}

static void all_sizes_both_ways(void)
{
	int good = 1;

	for (unsigned k = 0; k < NKINDS; k++) {
		for (size_t n = 0; n < 300 && good; n++)
			good = both_ways(kinds[k].fill, n);
		for (unsigned i = 0; i < 20 && good; i++)
			good = both_ways(kinds[k].fill, next() % (LZ4_INPUT_MAX + 1));
		good = good && both_ways(kinds[k].fill, LZ4_INPUT_MAX);
	}
	CHECK(good);
}

/* ---- damage ---- */

static void damage(uint8_t *b, size_t *n)
{
	switch (next() % 4) {
	case 0:
		b[next() % *n] ^= (uint8_t)(1u << next() % 8);
		break;
	case 1:
		b[next() % *n] = 255;
		break;
	case 2:
		*n = next() % *n;
		break;
	default:
		noise(b, 1 + next() % *n);
		break;
	}
}

static size_t length(const uint8_t **at, size_t n)
{
	uint8_t more;

	if (n < 15)
		return n;
	do {
		more = *(*at)++;
		n += more;
	} while (more == 255);
	return n;
}

/* A copy from no distance, which the format forbids and liblz4 lets pass; the block is whole otherwise. */
static int copies_itself(const uint8_t *at, size_t n)
{
	const uint8_t *end = at + n;

	for (;;) {
		uint8_t token = *at++;
		size_t literals = length(&at, token >> 4);

		at += literals;
		if (at >= end)
			return 0;
		if (!at[0] && !at[1])
			return 1;
		at += 2;
		length(&at, token & 15);
	}
}

static uint8_t page_of_zeros[PAGE];

static void damaged_blocks(void)
{
	unsigned refused = 0, differ = 0;

	for (unsigned i = 0; i < 40000; i++) {
		uint8_t page[PAGE], block[PAGE + 64], *b, *to = malloc(PAGE), *theirs = malloc(PAGE);
		size_t n;
		ssize_t r;
		int t;

		kinds[i % NKINDS].fill(page, PAGE);
		n = lz4_compress(page, PAGE, block, sizeof(block), work);
		for (unsigned k = next() % 3; n && k < 3; k++)
			damage(block, &n);
		b = copy_of(block, n);
		r = lz4_decompress(b, n, to, PAGE);
		t = LZ4_decompress_safe((char *)b, (char *)theirs, (int)n, PAGE);
		refused += r < 0;
		/* liblz4 also refuses what breaks the rules of the last bytes. */
		if (t >= 0 && (r != t || memcmp(to, theirs, (size_t)t)))
			differ += r >= 0 || !copies_itself(b, n);
		free(b);
		free(to);
		free(theirs);
	}
	printf("# of 40,000 damaged blocks %u are refused\n", refused);
	CHECK(refused > 1000);
	CHECK_EQ(differ, 0);
	CHECK(lz4_decompress("", 0, page_of_zeros, PAGE) == -1);
}

int main(void)
{
	TAP_RUN(pages_both_ways);
	TAP_RUN(all_sizes_both_ways);
	TAP_RUN(damaged_blocks);
	return tap_done();
}
