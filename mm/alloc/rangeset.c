/*
 * Sets of byte ranges, by plain insertion into a sorted table: there are a few
 * dozen ranges at most, and this is boot. No locks; see rangeset.h.
 */
#include <mm/alloc/rangeset.h>
#include <lib/string.h>

/* The first range that ends at x or beyond. */
static unsigned first_from(const struct rangeset *s, uint64_t x)
{
	unsigned i = 0;

	while (i < s->n && s->r[i].end < x)
		i++;
	return i;
}

/* Replaces the ranges [i, j) by `count` (0 to 2) others. */
static bool replace(struct rangeset *s, unsigned i, unsigned j, const struct range *by,
		    unsigned count)
{
	bool fits = s->n - (j - i) + count <= RANGES_MAX;

	if (!fits)
		count--;
	memmove(&s->r[i + count], &s->r[j], (s->n - j) * sizeof(s->r[0]));
	for (unsigned k = 0; k < count; k++)
		s->r[i + k] = by[k];
	s->n = s->n - (j - i) + count;
	return fits;
}

bool rangeset_add(struct rangeset *s, uint64_t start, uint64_t end)
{
	struct range joined = { start, end };
	unsigned i = first_from(s, start), j = i;

	if (start >= end)
		return true;
	for (; j < s->n && s->r[j].start <= end; j++) {
		joined.start = MIN(joined.start, s->r[j].start);
		joined.end = MAX(joined.end, s->r[j].end);
	}
	return replace(s, i, j, &joined, 1);
}

bool rangeset_remove(struct rangeset *s, uint64_t start, uint64_t end)
{
	struct range rest[2];
	unsigned i = first_from(s, start), j, count = 0;

	if (start >= end)
		return true;
	for (j = i; j < s->n && s->r[j].start < end; j++)
		;
	if (i == j)
		return true;
	if (s->r[i].start < start)
		rest[count++] = (struct range){ s->r[i].start, start };
	if (s->r[j - 1].end > end)
		rest[count++] = (struct range){ end, s->r[j - 1].end };
	return replace(s, i, j, rest, count);
}

bool rangeset_touch(const struct rangeset *s, uint64_t start, uint64_t end)
{
	unsigned i = first_from(s, start);

	return i < s->n && s->r[i].start <= end;
}

void rangeset_diff(const struct rangeset *a, const struct rangeset *b,
		   void (*fn)(uint64_t start, uint64_t end))
{
	unsigned j = 0;

	for (unsigned i = 0; i < a->n; i++) {
		uint64_t at = a->r[i].start;

		while (j < b->n && b->r[j].end <= at)
			j++;
		for (unsigned k = j; k < b->n && b->r[k].start < a->r[i].end; k++) {
			if (b->r[k].start > at)
				fn(at, b->r[k].start);
			at = MAX(at, b->r[k].end);
		}
		if (at < a->r[i].end)
			fn(at, a->r[i].end);
	}
}

bool rangeset_fit(const struct rangeset *s, uint64_t from, uint64_t to, uint64_t size,
		  uint64_t align, uint64_t *start)
{
	for (unsigned i = 0; i < s->n; i++) {
		uint64_t at = ALIGN_UP(MAX(s->r[i].start, from), align), end = MIN(s->r[i].end, to);

		if (at < end && end - at >= size) {
			*start = at;
			return true;
		}
	}
	return false;
}

uint64_t rangeset_bytes(const struct rangeset *s)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < s->n; i++)
		sum += s->r[i].end - s->r[i].start;
	return sum;
}
