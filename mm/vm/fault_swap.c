/*
 * Faults at swap entries: the page comes back.
 *
 *	look	the entry, without a lock, says which slot: its page is found in the
 *		swap cache, or read into it: here, where the device is memory; else outside
 *		of the locks, with some of its neighbours
 *	map	under the table's lock: if the entry still names the slot, it becomes a leaf without W, and the
 *		page stays in the cache: as long as nobody writes, it need not be written again
 *	write	if no other entry names the slot or has the page, it leaves the cache, and
 *		gets W; else it is copied (fault_cow.c)
 *
 * The page is busy from where it is found to where it is mapped: others who want it wait,
 * so it is read once, and reclaim passes it over.
 *
 * A fault that only reads leaves a shared table (mm/pt/share.c) shared: the page comes in for all of its owners at
 * once. As long as they share it they agree on rights; W it has none, and X neither, which a
 * fault gives back in a table of its own.
 *
 * A page that is mapped elsewhere already can only be mapped at the same index of related
 * tables (mm/pt/rmap.h); an entry that mremap has moved gets a copy.
 *
 * Read-ahead, where reading waits for a device: slots of the entries around, of the same VMA and table, in
 * a window which grows with what was wanted of the last ones, and is 1 at the end where nothing was.
 * After Linux's swap_vma_readahead.
 */
#include <mm/vm/fault.h>
#include <lib/assert.h>
#include <mm/alloc/busy.h>

#include <linux/errno.h>

/* What the entry of f names, seen without a lock: a guess. */
bool fault_swapped(struct fault *f)
{
	pte_t e = pt_peek(&f->mm->as, f->va);

	if (pte_kind(e, 1) != PTE_SWAP)
		return false;
	f->slot = pte_swp(e);
	return true;
}

void fault_drop_swapped(struct fault *f)
{
	page_unlock(f->swapped);
	page_put(f->swapped);
	f->swapped = NULL;
}

/* ---- which neighbours are worth reading ---- */

static struct vma_ahead *ahead_of(struct fault *f)
{
	return &f->mm->ahead[(uintptr_t)f->vma / sizeof(*f->vma) % VMA_HINTS];
}

/* How many pages, this one counted: by how many of the last ones were wanted. */
static unsigned window(struct vma_ahead *a, uint64_t page)
{
	unsigned hits = __atomic_exchange_n(&a->hits, 0, __ATOMIC_RELAXED);
	unsigned last = READ_ONCE(a->window), n = 1;
	uint64_t before = READ_ONCE(a->last);

	if (hits)
		while (n < hits + 2 && n < SWAP_AHEAD_MAX)
			n *= 2;
	else if (page == before + 1 || page == before - 1)
		n = 2;
	n = MIN(MAX(n, last / 2), SWAP_AHEAD_MAX);
	WRITE_ONCE(a->window, n);
	return n;
}

/* The slots around f's into f->ahead, in the direction in which the faults go. */
static void find_ahead(struct fault *f)
{
	const struct vma *v = f->vma;
	struct vma_ahead *a = ahead_of(f);
	uint64_t page = f->va >> PAGE_SHIFT, before = READ_ONCE(a->last);
	unsigned n = v->flags & VM_RAND_READ ? 1 : window(a, page);
	vaddr_t low = MAX(v->start, f->va & -LEVEL_SIZE(2));
	vaddr_t end = MIN(v->end, (f->va & -LEVEL_SIZE(2)) + LEVEL_SIZE(2)), va;

	va = page == before + 1 ? f->va : page == before - 1 ? f->va - (n - 1) * PAGE_SIZE :
	     f->va - n / 2 * PAGE_SIZE;
	WRITE_ONCE(a->last, page);
	f->nahead = 0;
	for (unsigned i = 0; i < n; i++, va += PAGE_SIZE) {
		pte_t e;

		if (va < low || va >= end || va == f->va)
			continue;
		e = pt_peek(&f->mm->as, va);
		if (pte_kind(e, 1) == PTE_SWAP && f->nahead < SWAP_AHEAD_MAX - 1)
			f->ahead[f->nahead++] = pte_swp(e);
	}
}

/* ---- the entry ---- */

/* The entry under c, which names the slot of f->swapped, becomes a leaf. False: it is a stray. */
static __always_inline_ bool enter(struct fault *f, struct cursor *c, unsigned prot)
{
	struct page *p = f->swapped;
	swp_t s = p->swp;

	if (unlikely(!cursor_swap_in(c, p, prot)))
		return false;
	f->swapped = NULL;
	f->need = NEED_NOTHING;
	if (unlikely(READ_ONCE(p->flags) & PG_AHEAD)) {
		__atomic_fetch_and(&p->flags, ~PG_AHEAD, __ATOMIC_RELAXED);
		__atomic_fetch_add(&ahead_of(f)->hits, 1, __ATOMIC_RELAXED);
		vm_count(SWAP_RA_HIT, 1);
	}
	slot_put(s);
	if (unlikely(READ_ONCE(slots_tight)) && !slot_count(s))
		slot_give_up(p);
	page_unlock(p);
	return true;
}

/* Prepared; FAULT_OK: it takes a table of one's own. */
static __attribute__((noinline)) int swap_in_place(struct fault *f)
{
	bool done = false;
	struct cursor c;

	if (f->access != ACCESS_READ || (f->prot & (PROT_R | PROT_X)) == PROT_X)
		return FAULT_OK;
	cursor_find(&c, &f->mm->as, f->va, 1);
	if (c.level == 1 && c.table->shared) {
		pte_t e = cursor_get(&c);

		done = pte_kind(e, 1) == PTE_SWAP && swap_is_of(f->swapped, pte_swp(e)) &&
		       enter(f, &c, f->prot & ~PROT_X);
	}
	cursor_close(&c);
	if (!done)
		return FAULT_OK;
	if (!f->major)
		vma_count_fault(f->vma);
	return FAULT_IN_PLACE;
}

/* ---- preparing ---- */

int fault_prepare_swapped(struct fault *f)
{
	struct page *p;
	int err;

	if (f->swapped)
		return FAULT_OK;
	err = swap_page_now(f->slot, &p, &f->major);
	if (likely(!err)) {
		f->swapped = p;
		if (f->held) {			/* it was waited for; two references too many would be a copy */
			page_put(f->held);
			f->held = NULL;
		}
		return unlikely(f->mm->as.shares) ? swap_in_place(f) : FAULT_OK;
	}
	f->need = NEED_NOTHING;
	if (err == -ENOENT)			/* the entry has changed */
		return FAULT_OK;
	if (err != -EAGAIN)
		return err == -ENOMEM ? FAULT_OOM : FAULT_BUS;
	find_ahead(f);
	return FAULT_WAIT_SWAP;
}

/* The rest of swap_page_now where that could not go on. No lock held. */
int fault_read_swapped(struct fault *f)
{
	int err;

	if (f->held)
		page_put(f->held);
	f->held = NULL;
	err = swap_page(f->slot, f->ahead, f->nahead, &f->held, &f->major);
	if (!err || err == -ENOENT)
		return FAULT_OK;
	return err == -ENOMEM ? FAULT_OOM : FAULT_BUS;
}

/* ---- the entry in a table of one's own ---- */

/* The page of the slot belongs to tables that are no relatives of this one. */
static __attribute__((noinline)) int swap_in_copy(struct fault *f, struct cursor *c, struct page *p)
{
	if (!f->fresh || f->source != p) {
		page_get(p);
		return fault_ask(f, NEED_COPY, p);
	}
	vm_count(FAULT_COPY, 1);
	cursor_replace(c, fault_take_fresh(f), f->prot, fault_gather(f));
	f->need = NEED_NOTHING;
	return fault_writes(f) ? (int)FAULT_AGAIN : (int)FAULT_OK;
}

int fault_swap(struct fault *f, struct cursor *c, pte_t e)
{
	swp_t s = pte_swp(e);
	struct page *p = f->swapped;

	if (unlikely(f->fresh && f->source && swap_is_of(f->source, s)))
		return swap_in_copy(f, c, f->source);
	if (unlikely(!p || !swap_is_of(p, s))) {
		fault_ask(f, NEED_SWAPPED, NULL);
		f->slot = s;
		return FAULT_AGAIN;
	}
	if (unlikely(!enter(f, c, f->prot)))
		return swap_in_copy(f, c, p);
	return fault_writes(f) ? fault_write_present(f, c, cursor_get(c)) : (int)FAULT_OK;
}
