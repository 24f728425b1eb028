/*
 * Recorded traces as files. A head in words, one a line, up to an empty line:
 *
 *	quire-trace 1
 *	name compile
 *	what cc1 -O2, as a TLB of 64 entries missed
 *	frames 1000
 *	refs 250000
 *
 * then the uses as numbers of 7 bits a byte, low first, the top bit set in all but a number's last byte.
 * Odd, 2x + 1: x + 1 times comes what came after the same page the last time. Even, 2x: the
 * page used last but x; where x is the number of pages so far, a new one, and a byte follows that tells
 * whether it is content of a file (1) or not (0).
 */
#include <tools/replay/replay.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOBODY	UINT32_MAX

/* What reader and writer both know of the uses so far. */
struct past {
	uint32_t *recent;		/* pages, the one used last first */
	uint32_t *after;		/* of each page: what came next the last time; or NOBODY */
	uint32_t n, last;
};

static void past_begin(struct past *p)
{
	p->recent = must_alloc(TRACE_PAGES_MAX, sizeof(uint32_t));
	p->after = must_alloc(TRACE_PAGES_MAX, sizeof(uint32_t));
	memset(p->after, 0xff, TRACE_PAGES_MAX * sizeof(uint32_t));
	p->n = 0;
	p->last = NOBODY;
}

static void past_end(struct past *p)
{
	free(p->recent);
	free(p->after);
}

static uint32_t past_guess(const struct past *p)
{
	return p->last == NOBODY ? NOBODY : p->after[p->last];
}

/* page, now at place rank (n: it is new), is used. */
static void past_use(struct past *p, uint32_t page, uint32_t rank)
{
	memmove(p->recent + 1, p->recent, rank * sizeof(uint32_t));
	p->recent[0] = page;
	p->n += rank == p->n;
	if (p->last != NOBODY)
		p->after[p->last] = page;
	p->last = page;
}

static uint32_t past_rank(const struct past *p, uint32_t page)
{
	uint32_t rank = 0;

	while (rank < p->n && p->recent[rank] != page)
		rank++;
	return rank;
}

/* ---- reading ---- */

static bool get_number(FILE *f, uint64_t *v)
{
	int c;

	*v = 0;
	for (unsigned shift = 0; shift < 42; shift += 7) {
		c = getc(f);
		if (c == EOF)
			return false;
		*v |= (uint64_t)(c & 0x7f) << shift;
		if (c < 0x80)
			return true;
	}
	return false;
}

/* Adds the uses that one number stands for; false: it stands for nothing. */
static bool get_uses(FILE *f, struct trace *t, struct past *past, uint64_t v, uint32_t left)
{
	uint64_t x = v >> 1;

	if (v & 1) {
		for (uint64_t i = 0; i <= x; i++) {
			uint32_t page = past_guess(past);

			if (page == NOBODY || i == left)
				return false;
			trace_use(t, page, t->file[page]);
			past_use(past, page, past_rank(past, page));
		}
		return true;
	}
	if (x > past->n || x >= TRACE_PAGES_MAX)
		return false;
	if (x == past->n) {
		int file = getc(f);

		if (file != 0 && file != 1)
			return false;
		trace_use(t, past->n, file);
		past_use(past, past->n, past->n);
	} else {
		uint32_t page = past->recent[x];

		trace_use(t, page, t->file[page]);
		past_use(past, page, (uint32_t)x);
	}
	return true;
}

static const char *get_head(FILE *f, struct trace *t, uint32_t *refs)
{
	char line[256], word[16], rest[200];

	if (!fgets(line, sizeof(line), f) || strcmp(line, "quire-trace 1\n") != 0)
		return "is no page trace (its first line is not \"quire-trace 1\")";
	trace_begin(t, "unnamed", "", 0);
	*refs = 0;
	while (fgets(line, sizeof(line), f) && line[0] != '\n') {
		if (sscanf(line, "%15s %199[^\n]", word, rest) != 2)
			return "has a line in its head that is not a word and its value";
		if (!strcmp(word, "name"))
			snprintf(t->name, sizeof(t->name), "%.31s", rest);
		else if (!strcmp(word, "what"))
			snprintf(t->what, sizeof(t->what), "%.159s", rest);
		else if (!strcmp(word, "frames"))
			t->frames = (uint32_t)strtoul(rest, NULL, 10);
		else if (!strcmp(word, "refs"))
			*refs = (uint32_t)strtoul(rest, NULL, 10);
		else
			return "has an unknown word in its head";
	}
	return t->frames && *refs ? NULL : "does not say how many frames and refs";
}

static const char *get_all(FILE *f, struct trace *t)
{
	struct past past;
	uint32_t refs;
	const char *wrong = get_head(f, t, &refs);
	uint64_t v;

	if (wrong)
		return wrong;
	past_begin(&past);
	while (!wrong && t->nrefs < refs)
		if (!get_number(f, &v) || !get_uses(f, t, &past, v, refs - t->nrefs))
			wrong = "ends too early, or is damaged";
	past_end(&past);
	return wrong;
}

const char *trace_read(struct trace *t, const char *path)
{
	FILE *f = fopen(path, "r");
	const char *wrong;

	memset(t, 0, sizeof(*t));
	if (!f)
		return strerror(errno);
	wrong = get_all(f, t);
	fclose(f);
	if (wrong)
		trace_free(t);
	return wrong;
}

/* ---- writing ---- */

static void put_number(FILE *f, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		putc((int)(v & 0x7f) | 0x80, f);
	putc((int)v, f);
}

/* The pages of t must be numbered in the order of their first use. */
static void put_uses(FILE *f, const struct trace *t)
{
	struct past past;
	uint64_t right = 0;

	past_begin(&past);
	for (uint32_t i = 0; i < t->nrefs; i++) {
		uint32_t page = t->refs[i], rank = past_rank(&past, page);

		if (page == past_guess(&past)) {
			right++;
		} else {
			if (right)
				put_number(f, right * 2 - 1);
			right = 0;
			put_number(f, 2ul * rank);
			if (rank == past.n)
				putc(t->file[page], f);
		}
		past_use(&past, page, rank);
	}
	if (right)
		put_number(f, right * 2 - 1);
	past_end(&past);
}

const char *trace_write(const struct trace *t, const char *path)
{
	FILE *f = fopen(path, "w");
	bool bad;

	if (!f)
		return strerror(errno);
	fprintf(f, "quire-trace 1\nname %s\nwhat %s\nframes %u\nrefs %u\n\n", t->name, t->what,
		t->frames, t->nrefs);
	put_uses(f, t);
	bad = ferror(f);
	return fclose(f) || bad ? "cannot be written" : NULL;
}
