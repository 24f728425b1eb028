/*
 * Belady's OPT: L. A. Belady, "A study of replacement algorithms for a virtual-storage computer", IBM
 * Systems Journal 5(2), 1966. The page goes whose next use is farthest away. No policy
 * does better on any trace, since every policy has to bring in what is used; none can
 * do it, since nobody knows the future. It is the measure of what is left to be won.
 *
 * The row is read backwards once, to know of each use where the next one is. A heap holds the
 * pages by their next use; entries of before a page's last use are passed over.
 */
#include <tools/replay/replay.h>
#include <stdlib.h>
#include <string.h>

#define NEVER	UINT32_MAX

struct entry { uint32_t next, page; };
struct heap { struct entry *e; uint32_t n; };

static void heap_push(struct heap *h, struct entry x)
{
	uint32_t i = h->n++;

	for (; i && h->e[(i - 1) / 2].next < x.next; i = (i - 1) / 2)
		h->e[i] = h->e[(i - 1) / 2];
	h->e[i] = x;
}

static struct entry heap_pop(struct heap *h)
{
	struct entry top = h->e[0], last = h->e[--h->n];
	uint32_t i = 0, child;

	while ((child = 2 * i + 1) < h->n) {
		if (child + 1 < h->n && h->e[child + 1].next > h->e[child].next)
			child++;
		if (h->e[child].next <= last.next)
			break;
		h->e[i] = h->e[child];
		i = child;
	}
	h->e[i] = last;
	return top;
}

/* Of each use: where the same page is used next, or NEVER. */
static uint32_t *next_uses(const struct trace *t)
{
	uint32_t *next = must_alloc(t->nrefs, sizeof(*next));
	uint32_t *seen = must_alloc(t->npages, sizeof(*seen));

	memset(seen, 0xff, t->npages * sizeof(*seen));
	for (uint32_t i = t->nrefs; i-- > 0; ) {
		next[i] = seen[t->refs[i]];
		seen[t->refs[i]] = i;
	}
	free(seen);
	return next;
}

void replay_opt(uint32_t frames, const struct trace *t, struct score *s)
{
	struct heap h = { must_alloc(t->nrefs, sizeof(struct entry)), 0 };
	uint32_t *next = next_uses(t);
	uint32_t *due = must_alloc(t->npages, sizeof(*due));	/* next use of a page that is here */
	bool *here = must_alloc(t->npages, sizeof(*here)), *been = must_alloc(t->npages, sizeof(*been));
	uint32_t used = 0;

	memset(s, 0, sizeof(*s));
	for (uint32_t i = 0; i < t->nrefs; i++) {
		uint32_t page = t->refs[i];

		s->hits += here[page];
		s->faults += !here[page];
		s->refaults += !here[page] && been[page];
		while (!here[page] && used == frames) {
			struct entry e = heap_pop(&h);

			if (!here[e.page] || due[e.page] != e.next)
				continue;
			here[e.page] = false;
			used--;
		}
		used += !here[page];
		here[page] = been[page] = true;
		due[page] = next[i];
		heap_push(&h, (struct entry){ next[i], page });
	}
	free(h.e);
	free(next);
	free(due);
	free(here);
	free(been);
}
