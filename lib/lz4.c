/*
 * LZ4 blocks; see lz4.h.
 *
 * A block is a row of sequences:
 *
 *	token		literals (high 4 bits), copied bytes less 4 (low 4 bits)
 *	more		where the 4 bits are 15: bytes to be added, up to and with the first below 255
 *	literals
 *	distance	2 bytes, low one first: how far back the copy begins
 *	more		for the copy
 *
 * The last one ends with its literals. A copy begins 12 bytes before the end or earlier, and the last 5
 * bytes are literals.
 *
 * Who compresses remembers in a table the last place of each 4 bytes, by a hash of them. It
 * is cleared to 0, which is a place like others: what is found is compared anyway.
 */
#include <lib/lz4.h>
#include <lib/assert.h>
#include <lib/string.h>

#define MATCH_MIN	4u
#define MATCH_START	12u		/* from the end, at least */
#define LITERALS_END	5u
#define HASH_BITS	11
#define SKIP_SHIFT	5		/* after so many failures (as a power of two) the steps grow */

_Static_assert(sizeof(uint16_t) << HASH_BITS == LZ4_WORK_BYTES, "the table");
_Static_assert(LZ4_INPUT_MAX - MATCH_START <= UINT16_MAX, "places fit into the table");

static inline uint32_t load4(const uint8_t *p)
{
	uint32_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t load8(const uint8_t *p)
{
	uint64_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}

/* ---- compressing ---- */

struct out {
	uint8_t *at, *end;
};

static inline unsigned hash(uint32_t v)
{
	return v * 2654435761u >> (32 - HASH_BITS);
}

/* How many bytes at a and b are alike, up to a's end. */
static size_t alike(const uint8_t *a, const uint8_t *b, const uint8_t *end)
{
	const uint8_t *from = a;

	while ((size_t)(end - a) >= 8) {
		uint64_t differ = load8(a) ^ load8(b);

		if (differ)
			return (size_t)(a - from) + ((unsigned)__builtin_ctzl(differ) >> 3);
		a += 8;
		b += 8;
	}
	while (a < end && *a == *b) {
		a++;
		b++;
	}
	return (size_t)(a - from);
}

/* What of a length does not fit into its 4 bits. There is room. */
static void put_more(struct out *o, size_t n)
{
	for (n -= 15; n >= 255; n -= 255)
		*o->at++ = 255;
	*o->at++ = (uint8_t)n;
}

/* Bytes for that. */
static inline size_t more_bytes(size_t n)
{
	return n < 15 ? 0 : 1 + (n - 15) / 255;
}

/* A sequence; copied: bytes beyond MATCH_MIN. distance 0: the last one. False: no room. */
static bool put_sequence(struct out *o, const uint8_t *literals, size_t n, size_t distance,
			 size_t copied)
{
	size_t need = 1 + more_bytes(n) + n + (distance ? 2 + more_bytes(copied) : 0);

	if ((size_t)(o->end - o->at) < need)
		return false;
	*o->at++ = (uint8_t)(MIN(n, 15ul) << 4 | MIN(copied, 15ul));
	if (n >= 15)
		put_more(o, n);
	memcpy(o->at, literals, n);
	o->at += n;
	if (!distance)
		return true;
	*o->at++ = (uint8_t)distance;
	*o->at++ = (uint8_t)(distance >> 8);
	if (copied >= 15)
		put_more(o, copied);
	return true;
}

/* The next place from `at` on, up to last, that has what an earlier one has; NULL: none. */
static const uint8_t *find(const uint8_t *from, const uint8_t *at, const uint8_t *last,
			   uint16_t *table, const uint8_t **earlier)
{
	for (unsigned tries = 1u << SKIP_SHIFT; at <= last; at += tries++ >> SKIP_SHIFT) {
		uint16_t *slot = &table[hash(load4(at))];
		const uint8_t *before = from + *slot;

		*slot = (uint16_t)(at - from);
		if (before < at && load4(before) == load4(at)) {
			*earlier = before;
			return at;
		}
	}
	return NULL;
}

size_t lz4_compress(const void *src, size_t n, void *to, size_t max, void *work)
{
	const uint8_t *from = src, *end = from + n, *literals = from, *at = from, *before;
	struct out o = { to, (uint8_t *)to + max };

	assert(n <= LZ4_INPUT_MAX);
	memset(work, 0, LZ4_WORK_BYTES);
	while (n >= MATCH_START && (at = find(from, at, end - MATCH_START, work, &before))) {
		size_t more;

		while (at > literals && before > from && at[-1] == before[-1]) {
			at--;
			before--;
		}
		more = alike(at + MATCH_MIN, before + MATCH_MIN, end - LITERALS_END);
		if (!put_sequence(&o, literals, (size_t)(at - literals), (size_t)(at - before), more))
			return 0;
		at += MATCH_MIN + more;
		literals = at;
	}
	if (!put_sequence(&o, literals, (size_t)(end - literals), 0, 0))
		return 0;
	return (size_t)(o.at - (uint8_t *)to);
}

/* ---- unpacking ---- */

struct in {
	const uint8_t *at, *end;
};

/* A length of which 4 bits are known; false: the block ends before it. */
static inline bool get_length(struct in *in, size_t *n)
{
	uint8_t more;

	if (likely(*n < 15))
		return true;
	do {
		if (in->at == in->end)
			return false;
		more = *in->at++;
		*n += more;
	} while (more == 255);
	return true;
}

/* n bytes from `distance` before at, which may be what is being written: then they repeat. */
static void copy_back(uint8_t *at, size_t distance, size_t n)
{
	const uint8_t *from = at - distance;

	if (distance >= n) {
		memcpy(at, from, n);
		return;
	}
	if (distance == 1) {
		memset(at, *from, n);
		return;
	}
	for (; distance >= 8 && n >= 8; n -= 8, at += 8, from += 8)
		__builtin_memcpy(at, from, 8);
	while (n--)
		*at++ = *from++;
}

/* The literals of a sequence; false: they are not all there, or have no room. */
static bool get_literals(struct in *in, struct out *o, size_t n)
{
	if (!get_length(in, &n) || n > (size_t)(in->end - in->at) || n > (size_t)(o->end - o->at))
		return false;
	memcpy(o->at, in->at, n);
	in->at += n;
	o->at += n;
	return true;
}

/* Its copy; begin: of what was unpacked so far. */
static bool get_copy(struct in *in, struct out *o, const uint8_t *begin, size_t n)
{
	size_t distance;

	if (in->end - in->at < 2)
		return false;
	distance = in->at[0] | (size_t)in->at[1] << 8;
	in->at += 2;
	if (!get_length(in, &n) || !distance || distance > (size_t)(o->at - begin) ||
	    n + MATCH_MIN > (size_t)(o->end - o->at))
		return false;
	copy_back(o->at, distance, n + MATCH_MIN);
	o->at += n + MATCH_MIN;
	return true;
}

ssize_t lz4_decompress(const void *from, size_t n, void *to, size_t max)
{
	struct in in = { from, (const uint8_t *)from + n };
	struct out o = { to, (uint8_t *)to + max };

	while (in.at < in.end) {
		uint8_t token = *in.at++;

		if (!get_literals(&in, &o, token >> 4))
			return -1;
		if (in.at == in.end)
			return o.at - (uint8_t *)to;
		if (!get_copy(&in, &o, to, token & 15))
			return -1;
	}
	return -1;
}
