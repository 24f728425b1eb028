/* Places: memory that a thread alone maps, protects, moves and writes. */
#include "torture.h"

#include <sys/mman.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif
#ifndef MADV_COLD
#define MADV_COLD	20
#define MADV_PAGEOUT	21
#endif

static uint64_t *word_of(const struct place *p, unsigned page, unsigned n)
{
	static const unsigned at[3] = { 0, 3856, PAGE - 8 };

	return (uint64_t *)(p->at + page * PAGE + at[n]);
}

static void page_check(struct me *m, const struct place *p, unsigned page)
{
	uint64_t want = pattern(m->process, m->n, p->age[page]), got;

	for (unsigned n = 0; n < 3; n++) {
		uint64_t *at = word_of(p, page, n);

		if (p->right[page] == NONE) {
			if (try_read(at, &got))
				wrong(m, "%p has no rights and was read: %lx", (void *)at, got);
			if (fault_at != at || fault_code != SEGV_ACCERR)
				wrong(m, "read of %p: signal %d, code %d, address %p", (void *)at, fault_signal,
				      fault_code, fault_at);
			return;
		}
		got = *(volatile uint64_t *)at;
		if (got != want)
			wrong(m, "%p: place %p + %u pages, page %u, age %u, word %u: %lx instead of %lx", (void *)at,
			      (void *)p->at, p->pages, page, p->age[page], n, got, want);
	}
}

static void page_write(struct me *m, struct place *p, unsigned page)
{
	if (p->right[page] != WRITE) {
		if (try_add((_Atomic uint64_t *)word_of(p, page, 0), 1))
			wrong(m, "%p is not writable and was written", (void *)word_of(p, page, 0));
		return;
	}
	p->age[page] = ++m->age;
	for (unsigned n = 0; n < 3; n++)
		*(volatile uint64_t *)word_of(p, page, n) = pattern(m->process, m->n, p->age[page]);
}

void place_check(struct me *m, const struct place *p)
{
	for (unsigned i = 0; i < p->pages; i++)
		page_check(m, p, i);
}

static void place_unmap(struct me *m, struct place *p)
{
	if (p->pages)
		must(m, unmap(p->at, p->pages * PAGE) == 0);
	p->pages = 0;
}

void place_map(struct me *m, struct place *p)
{
	unsigned pages = 1 + chance(m, chance(m, 16) ? 24 : PAGES - 1);
	int flags = MAP_ANONYMOUS | MAP_NORESERVE;

	place_unmap(m, p);
	p->shared = chance(m, 5) == 0;
	flags |= p->shared ? MAP_SHARED : MAP_PRIVATE;
	if (chance(m, 8) == 0 && pages < 64)
		flags |= MAP_POPULATE;
	p->at = map(NULL, pages * PAGE, PROT_READ | PROT_WRITE, flags, -1);
	must(m, p->at != MAP_FAILED);
	p->pages = pages;
	p->locked = false;
	memset(p->right, WRITE, pages);
	memset(p->age, 0, pages * sizeof(p->age[0]));
}

/* Some pages of p: the first and how many. */
static unsigned stretch(struct me *m, const struct place *p, unsigned *first)
{
	*first = chance(m, p->pages);
	return 1 + chance(m, p->pages - *first);
}

void place_protect(struct me *m, struct place *p)
{
	static const int prot[3] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE };
	unsigned first, n = stretch(m, p, &first), right = chance(m, 6);

	right = MIN(right, (unsigned)WRITE);
	must(m, mprotect(p->at + first * PAGE, n * PAGE, prot[right]) == 0);
	memset(p->right + first, (int)right, n);
	page_write(m, p, first);
	page_check(m, p, first);
	page_check(m, p, first + n - 1);
}

void place_forget(struct me *m, struct place *p)
{
	unsigned first, n = stretch(m, p, &first);

	if (p->locked)
		must(m, munlock(p->at, p->pages * PAGE) == 0);
	p->locked = false;
	must(m, madvise(p->at + first * PAGE, n * PAGE, MADV_DONTNEED) == 0);
	if (!p->shared)
		memset(p->age + first, 0, n * sizeof(p->age[0]));
	page_check(m, p, first);
}

void place_lock(struct me *m, struct place *p)
{
	unsigned first, n = stretch(m, p, &first);

	n = MIN(n, 16);
	if (chance(m, 2)) {
		p->locked = true;		/* or some of it, or none: where there is a limit */
		(void)!mlock(p->at + first * PAGE, n * PAGE);
	} else {
		must(m, munlock(p->at + first * PAGE, n * PAGE) == 0);
	}
}

/* Something that leaves contents and rights what they are. Huge pages need not be to be had. */
void place_advise(struct me *m, struct place *p)
{
	static const int advice[] = {
		MADV_WILLNEED, MADV_COLD, MADV_PAGEOUT, MADV_HUGEPAGE, MADV_HUGEPAGE, MADV_NOHUGEPAGE,
		MADV_COLLAPSE, MADV_COLLAPSE,
	};
	unsigned first, n = stretch(m, p, &first);

	must(m, madvise(p->at + first * PAGE, n * PAGE, advice[chance(m, 8)]) == 0 || errno == EINVAL ||
		errno == EAGAIN || errno == EBUSY || errno == ENOMEM);
}

/* Ends of it go. */
void place_cut(struct me *m, struct place *p)
{
	unsigned n = 1 + chance(m, p->pages);

	if (n == p->pages) {
		place_map(m, p);
	} else if (chance(m, 2)) {
		must(m, unmap(p->at + (p->pages - n) * PAGE, n * PAGE) == 0);
		p->pages -= n;
	} else {
		must(m, unmap(p->at, n * PAGE) == 0);
		p->pages -= n;
		p->at += n * PAGE;
		memmove(p->right, p->right + n, p->pages);
		memmove(p->age, p->age + n, p->pages * sizeof(p->age[0]));
	}
}

void place_move(struct me *m, struct place *p)
{
	unsigned to = p->shared || chance(m, 2) ? p->pages : 1 + chance(m, PAGES - 1);
	unsigned char *at, *room = NULL;
	int flags = MREMAP_MAYMOVE;

	must(m, munlock(p->at, p->pages * PAGE) == 0);
	must(m, mprotect(p->at, p->pages * PAGE, PROT_READ | PROT_WRITE) == 0);
	memset(p->right, WRITE, p->pages);
	p->locked = false;
	if (chance(m, 2)) {
		flags |= MREMAP_FIXED;
		room = map(NULL, to * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
		must(m, room != MAP_FAILED);
	}
	at = remap(p->at, p->pages * PAGE, to * PAGE, flags, room);
	if (at == MAP_FAILED && errno == EFAULT) {	/* after forks it may be several mappings */
		if (room)
			must(m, unmap(room, to * PAGE) == 0);
		place_map(m, p);
		return;
	}
	must(m, at != MAP_FAILED);
	for (unsigned i = p->pages; i < to; i++) {
		p->right[i] = WRITE;
		p->age[i] = 0;
	}
	p->at = at;
	p->pages = to;
	page_check(m, p, 0);
	page_check(m, p, to - 1);
	page_check(m, p, chance(m, to));
}

void place_use(struct me *m, struct place *p)
{
	for (unsigned i = 0, n = 1 + chance(m, 12); i < n; i++) {
		unsigned page = chance(m, p->pages);

		if (chance(m, 3))
			page_write(m, p, page);
		page_check(m, p, page);
	}
}
