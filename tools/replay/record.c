/*
 * Recording: from the uses of memory of a real program, as valgrind's lackey writes them
 * (tools/replay/record calls it), to a trace.
 *
 * Nearly all uses are of pages that have just been used, and tell nothing. So what is kept is what a TLB
 * of some entries, first in, first out, would miss. (Not the least recently used out: what
 * is used all the time would be seen once and never again.) Pages that code was fetched from count
 * as content of files.
 */
#include <tools/replay/record.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH	(2 * TRACE_PAGES_MAX)

struct recorder {
	struct trace *t;
	uint64_t *key;			/* hash: page number of the program + 1, or 0 */
	uint32_t *page;			/* of the key: page of the trace */
	bool *in_tlb;			/* by page of the trace */
	uint32_t *tlb, entries, hand;
};

/* The trace's number of the program's page at va; -1: too many pages. */
static int64_t page_at(struct recorder *r, uint64_t va)
{
	uint64_t key = (va >> PAGE_SHIFT) + 1;
	uint32_t i = (uint32_t)(key * 0x9e3779b97f4a7c15ul >> 40) % HASH;

	for (; r->key[i] && r->key[i] != key; i = (i + 1) % HASH)
		;
	if (!r->key[i]) {
		if (r->t->npages == TRACE_PAGES_MAX)
			return -1;
		r->key[i] = key;
		r->page[i] = r->t->npages++;
	}
	return r->page[i];
}

static bool note(struct recorder *r, uint64_t va, bool code)
{
	int64_t page = page_at(r, va);
	uint32_t *slot = &r->tlb[r->hand];

	if (page < 0)
		return false;
	if (code)
		r->t->file[page] = true;
	if (r->in_tlb[page])
		return true;
	if (*slot != UINT32_MAX)
		r->in_tlb[*slot] = false;
	*slot = (uint32_t)page;
	r->in_tlb[page] = true;
	r->hand = (r->hand + 1) % r->entries;
	trace_use(r->t, (uint32_t)page, r->t->file[page]);
	return true;
}

/* A line of lackey's: "I  addr,n", " L addr,n", " S addr,n", " M addr,n"; others are passed over. */
static bool note_line(struct recorder *r, const char *line)
{
	bool code = line[0] == 'I' && line[1] == ' ';
	uint64_t va, n;
	char *end;

	if (!code && (line[0] != ' ' || !line[1] || !strchr("LSM", line[1])))
		return true;
	if (line[2] != ' ')
		return true;
	va = strtoull(line + 3, &end, 16);
	if (*end != ',')
		return true;
	n = strtoull(end + 1, NULL, 10);
	if (!note(r, va, code))
		return false;
	return !n || (va + n - 1) >> PAGE_SHIFT == va >> PAGE_SHIFT || note(r, va + n - 1, code);
}

const char *trace_record(struct trace *t, const char *name, const char *what, uint32_t entries)
{
	struct recorder r = { .t = t, .entries = entries };
	const char *wrong = NULL;
	char line[256];

	trace_begin(t, name, what, 1);
	r.key = must_alloc(HASH, sizeof(*r.key));
	r.page = must_alloc(HASH, sizeof(*r.page));
	r.in_tlb = must_alloc(TRACE_PAGES_MAX, sizeof(*r.in_tlb));
	r.tlb = must_alloc(entries, sizeof(*r.tlb));
	memset(r.tlb, 0xff, entries * sizeof(*r.tlb));
	while (!wrong && fgets(line, sizeof(line), stdin))
		if (!note_line(&r, line))
			wrong = "the program uses more than 4 GB";
	if (!wrong && !t->nrefs)
		wrong = "there is no use of memory in the input (valgrind --tool=lackey --trace-mem=yes)";
	t->frames = t->npages / 4 + 1;
	free(r.key);
	free(r.page);
	free(r.in_tlb);
	free(r.tlb);
	return wrong;
}
