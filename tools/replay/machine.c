/*
 * A machine with few frames, and the kernel's shrink loop in small: candidates, their
 * accessed bits tested and cleared, those evicted that the policy gives up.
 */
#include <tools/replay/replay.h>
#include <stdlib.h>
#include <string.h>

#define NOWHERE	UINT32_MAX

extern const struct policy *const __start_policies[], *const __stop_policies[];

struct run {
	const struct machine *m;
	const struct policy *policy;
	const struct trace *t;
	struct score *s;
	struct page *frame;
	uint32_t *content;		/* of each frame: its page */
	bool *accessed;			/* of each frame */
	uint32_t *where;		/* of each page: its frame, or NOWHERE */
	uint64_t *gone;			/* of each page: evictions when it went; 0: it was never here */
	bool *was_active;		/* of each page: when it went */
	uint32_t *free;			/* stack of free frames */
	uint32_t nfree;
	uint64_t evictions;
	struct page **batch;
};

/* The kernel's default first, then by name. */
static int order(const void *a, const void *b)
{
	const struct policy *p = *(const struct policy *const *)a, *q = *(const struct policy *const *)b;
	bool first = !strcmp(p->name, "clock"), second = !strcmp(q->name, "clock");

	return first != second ? second - first : strcmp(p->name, q->name);
}

const struct policy *replay_policy(unsigned i)
{
	static const struct policy *sorted[256];
	static size_t n;

	if (!n) {
		n = MIN((size_t)(__stop_policies - __start_policies), ARRAY_SIZE(sorted));
		memcpy(sorted, __start_policies, n * sizeof(sorted[0]));
		qsort(sorted, n, sizeof(sorted[0]), order);
	}
	return i < n ? sorted[i] : NULL;
}

static void evict(struct run *r, uint32_t f)
{
	uint32_t page = r->content[f];

	r->where[page] = NOWHERE;
	r->gone[page] = ++r->evictions;
	r->was_active[page] = r->policy->active && r->policy->active(&r->frame[f]);
	r->free[r->nfree++] = f;
}

/* One round of the shrink loop; false: there was no candidate. */
static bool shrink(struct run *r)
{
	unsigned n = r->policy->candidates(r->batch, r->m->batch, r->m->swappiness);

	for (unsigned i = 0; i < n; i++) {
		uint32_t f = (uint32_t)(r->batch[i] - r->frame);
		bool used = r->policy->asks && r->accessed[f];

		if (r->policy->asks)
			r->accessed[f] = false;
		r->s->looks++;
		if (r->policy->judge(r->batch[i], used))
			evict(r, f);
	}
	return n > 0;
}

static const char *make_room(struct run *r)
{
	uint64_t end = r->s->looks + 100ul * r->m->frames + 1000;

	while (!r->nfree) {
		if (!shrink(r))
			return "has no candidate, though memory is full: it has lost pages";
		if (r->s->looks > end)
			return "lets nobody go, however often it is asked";
	}
	return NULL;
}

static const char *fault(struct run *r, uint32_t page)
{
	const char *wrong = make_room(r);
	uint64_t distance = r->gone[page] ? r->evictions - r->gone[page] : REFAULT_NEVER;
	struct page *p;
	uint32_t f;

	if (wrong)
		return wrong;
	f = r->free[--r->nfree];
	p = &r->frame[f];
	memset(p, 0, sizeof(*p));
	p->kind = r->t->file[page] ? PAGE_FILE : PAGE_ANON;
	p->index = page;
	r->content[f] = page;
	r->where[page] = f;
	r->s->faults++;
	r->s->refaults += distance != REFAULT_NEVER;
	r->policy->add(p, distance, r->was_active[page]);
	return NULL;
}

static const char *use_all(struct run *r)
{
	for (uint32_t i = 0; i < r->t->nrefs; i++) {
		uint32_t page = r->t->refs[i];

		if (r->where[page] != NOWHERE) {
			r->s->hits++;
		} else {
			const char *wrong = fault(r, page);

			if (wrong)
				return wrong;
		}
		r->accessed[r->where[page]] = true;
	}
	return NULL;
}

/* Half of the pages are freed as by munmap, and the other half must come out as candidates. */
static const char *take_back(struct run *r)
{
	uint32_t left = 0;

	for (uint32_t page = 0; page < r->t->npages; page++) {
		if (r->where[page] == NOWHERE)
			continue;
		if (page % 2)
			r->policy->remove(&r->frame[r->where[page]]);
		else
			left++;
	}
	for (unsigned n; (n = r->policy->candidates(r->batch, 1, r->m->swappiness)); left -= n)
		if (!left)
			return "gives out pages that it does not have";
	return left ? "has lost pages" : NULL;
}

static void run_begin(struct run *r)
{
	uint32_t frames = r->m->frames, npages = r->t->npages;

	r->frame = must_alloc(frames, sizeof(*r->frame));
	r->content = must_alloc(frames, sizeof(*r->content));
	r->accessed = must_alloc(frames, sizeof(*r->accessed));
	r->free = must_alloc(frames, sizeof(*r->free));
	r->where = must_alloc(npages, sizeof(*r->where));
	r->gone = must_alloc(npages, sizeof(*r->gone));
	r->was_active = must_alloc(npages, sizeof(*r->was_active));
	r->batch = must_alloc(r->m->batch, sizeof(struct page *));
	memset(r->where, 0xff, npages * sizeof(*r->where));
	while (r->nfree < frames) {
		r->free[r->nfree] = frames - 1 - r->nfree;
		r->nfree++;
	}
}

static void run_end(struct run *r)
{
	free(r->frame);
	free(r->content);
	free(r->accessed);
	free(r->free);
	free(r->where);
	free(r->gone);
	free(r->was_active);
	free(r->batch);
}

const char *replay(const struct machine *m, const struct policy *p, const struct trace *t,
		   struct score *s)
{
	struct run r = { .m = m, .policy = p, .t = t, .s = s };
	const char *wrong;

	memset(s, 0, sizeof(*s));
	run_begin(&r);
	p->reset(m->frames);
	wrong = use_all(&r);
	if (!wrong)
		wrong = take_back(&r);
	run_end(&r);
	return wrong;
}
