/*
 * The page fault: one way down, a drawing, a switch.
 *
 *	vm_fault -> VMA -> right -> prepare -> cursor on the entry -> switch -> commit
 *
 * What is done, by what the entry is and what the VMA is:
 *
 *	entry		anonymous		private, of an object	shared
 *	------------------------------------------------------------------------
 *	none
 *	  read		zero page [z]		cached page, R [f]	cached page [f]
 *	  write		fresh zeroed page [a]	fresh copy of the	cached page, W [f]
 *						cached page [c]
 *	special (zero page)
 *	  write		fresh zeroed page [a]	-			-
 *	present, W missing
 *	  write		own page: W back [u]	own page: W back [u]	W back [u]
 *			else fresh copy [c]	else fresh copy [c]
 *	noaccess	rights back, then as present (PROT_NONE is refused before)
 *	present, allows	spurious: local flush [s]
 *	swap		its page, without W [w]; a write goes on as for a present one
 *	migrating	what it was before, as soon as its page has arrived
 *	marker, table: nothing makes them in user space
 *	huge, or none where a huge page may be: fault_huge.c, fault_shmem.c
 *
 *	[z] [a] fault_anon.c	[f] fault_file.c	[c] [u] fault_cow.c	[w] fault_swap.c
 *
 * "Own page": anonymous, one slot, one reference: nobody else can see it. The
 * law behind it: a writable private leaf means that its frame has one slot.
 *
 * Prepare, then commit: frames are allocated, cleared and copied, and pages
 * of objects are found, before the table is locked; what was prepared is a
 * guess, and the entry is looked at under the lock. If it wants something
 * else (another thread was here first), the case asks for that (fault_ask)
 * and the round is repeated. What is left over at the end is given back.
 *
 * What may sleep (reading a page in, growing a stack) is done with the lock
 * given up, and the fault starts again from the VMA.
 *
 * Locks, outer to inner: the VMA's (reading) > object > page busy > table. No
 * lock of the mm, and no global one, is on the way of a fault: so those of one
 * address space run in parallel, and beside whoever changes its other VMAs.
 *
 *	last answer, or a walk of the tree without a lock	vma_tree.c
 *	  -> one try for the VMA's lock				vma_lock.h
 *	  -> the mm's still, has va, no writer at it: on with the fault
 *	else: mm.lock for reading, a lookup that is right	fault_lock_mm
 *
 * Either keeps out who changes or takes out the VMA or its entries' rights
 * (munmap, mprotect, mremap, mlock, fork, a stack that grows: they mark it
 * before anything else). A mapping that is missing is only believed under mm.lock.
 * Nothing between taking and giving up a VMA's lock sleeps.
 */
#include <mm/vm/fault.h>
#include <arch/tlb.h>
#include <kernel/core/thread.h>
#include <lib/assert.h>
#include <mm/reclaim/reclaim.h>
#include <mm/vm/hugetlb.h>
#include <mm/vm/map.h>

#include <linux/errno.h>

const char *fault_name(enum fault_result r)
{
	static const char *const names[] = {
		[FAULT_OK] = "ok", [FAULT_SEGV_MAPERR] = "nothing mapped",
		[FAULT_SEGV_ACCERR] = "no right", [FAULT_BUS] = "past the end, or I/O error",
		[FAULT_OOM] = "out of memory",
	};

	return names[r];
}

/* ---- the VMA ---- */

/* What will most likely be needed; the entry has the last word. */
static enum fault_need guess(struct fault *f, unsigned access)
{
	if (access & ACCESS_PRESENT)
		return vma_is_huge(f->vma) ? NEED_HUGE : NEED_NOTHING;
	if (unlikely(slots_on) && fault_swapped(f))
		return NEED_SWAPPED;
	if (unlikely(thp_likely(f->vma)) && fault_wants_huge(f))
		return NEED_HUGE;
	if (likely(!f->vma->obj))
		return fault_writes(f) ? NEED_ZEROED : NEED_NOTHING;
	return fault_writes(f) && fault_private(f) ? NEED_COPY : NEED_CACHED;
}

/*
 * The VMA where it could not be had by itself, under mm.lock; FAULT_OK, or what the
 * fault is if there is none.
 */
static __attribute__((noinline)) int fault_lock_mm(struct fault *f)
{
	struct vma *v;

	vm_count(VMA_LOCK_MISS, 1);
	f->mm_locked = true;
	read_lock(&f->mm->lock);
	v = vma_lookup(f->mm, f->va);
	f->vma = v;
	if (!v)				/* nothing above; va need not be the user's at all */
		return FAULT_SEGV_MAPERR;
	if (f->va < v->start)
		return v->flags & VM_GROWSDOWN ? (int)FAULT_GROW : (int)FAULT_SEGV_MAPERR;
	return FAULT_OK;
}

static inline int fault_lock(struct fault *f)
{
	f->mm_locked = false;
	f->vma = vma_read_lock_at(f->mm, f->va);
	return likely(f->vma) ? FAULT_OK : fault_lock_mm(f);
}

/* The fault ends, or starts again; it is counted where it is settled. */
static inline void fault_unlock(struct fault *f, int r)
{
	bool settled = r == FAULT_OK && likely(!f->major);

	if (likely(!f->mm_locked)) {
		vma_read_unlock(f->vma, settled);
		return;
	}
	if (settled)
		vma_count_fault(f->vma);
	read_unlock(&f->mm->lock);
}

/* Does the VMA allow the access? */
static int fault_allow(struct fault *f, unsigned access)
{
	static const unsigned right[] = {
		[ACCESS_READ] = VM_RIGHTS, [ACCESS_WRITE] = VM_WRITE, [ACCESS_EXEC] = VM_EXEC,
	};
	const struct vma *v = f->vma;

	if (unlikely(!(v->flags & right[f->access]))) {
		/* Data are brought in first, as on Linux; the next fault finds them, and no right. */
		if (f->access != ACCESS_EXEC || access & ACCESS_PRESENT || !(v->flags & VM_RIGHTS))
			return FAULT_SEGV_ACCERR;
		f->access = ACCESS_READ;
	}
	f->prot = v->prot;
	f->need = guess(f, access);
	return FAULT_OK;
}

/* ---- the entry ---- */

__attribute__((noinline)) int fault_allowed(struct fault *f, struct cursor *c, pte_t e)
{
	if (f->access == ACCESS_EXEC && !pte_exec(e)) {
		cursor_protect(c, f->prot | (pte_writable(e) ? PROT_W : 0), fault_gather(f));
		return FAULT_OK;
	}
	vm_count(FAULT_SPURIOUS, 1);
	tlb_flush_page(f->va);
	return FAULT_OK;
}

static inline int fault_present(struct fault *f, struct cursor *c, pte_t e)
{
	if (fault_writes(f) && !pte_writable(e))
		return fault_write_present(f, c, e);
	return fault_allowed(f, c, e);
}

int fault_noaccess(struct fault *f, struct cursor *c)
{
	cursor_protect(c, f->prot, fault_gather(f));
	return fault_writes(f) ? (int)FAULT_AGAIN : (int)FAULT_OK;
}

/* The switch. */
static __always_inline_ int fault_entry(struct fault *f, struct cursor *c)
{
	pte_t e = cursor_get(c);

	switch (pte_kind(e, 1)) {
	case PTE_NONE:
		return likely(!f->vma->obj) ? fault_anon_none(f, c) : fault_file_none(f, c);
	case PTE_PRESENT:
		return fault_present(f, c, e);
	case PTE_SPECIAL_LEAF:
		if (fault_writes(f))
			return fault_zero_page(f, c);
		return fault_present(f, c, e);
	case PTE_NOACCESS:
		return fault_noaccess(f, c);
	case PTE_SWAP:
		return fault_swap(f, c, e);
	case PTE_MIGRATING:
		return fault_migrating(f, c, e);
	case PTE_MARKER:
	case PTE_HUGE:
	case PTE_TABLE:
		break;
	}
	panic("fault at 0x%lx meets entry 0x%lx at level %u", f->va, e.v, c->level);
}

/* ---- preparing ---- */

int fault_ask(struct fault *f, enum fault_need need, struct page *source)
{
	if (f->fresh)
		page_put(fault_take_fresh(f));
	if (unlikely(f->swapped))
		fault_drop_swapped(f);
	if (f->source && f->source != source)
		page_put(f->source);
	f->source = source;
	f->need = need;
	return FAULT_AGAIN;
}

static inline int fault_prepare_zeroed(struct fault *f)
{
	if (likely(!f->fresh))
		f->fresh = page_alloc(0, PAGE_ANON, ALLOC_ZERO);
	return likely(f->fresh) ? FAULT_OK : FAULT_OOM;
}

static __always_inline_ int fault_prepare(struct fault *f)
{
	if (likely(f->need == NEED_ZEROED))	/* the most frequent: out of the switch */
		return fault_prepare_zeroed(f);
	switch (f->need) {
	case NEED_NOTHING:
	case NEED_ZEROED:
		break;
	case NEED_COPY:
		return fault_prepare_copy(f);
	case NEED_CACHED:
		return fault_prepare_cached(f);
	case NEED_SWAPPED:
		return fault_prepare_swapped(f);
	case NEED_HUGE:
	case NEED_SPLIT:
	case NEED_HUGETLB:
		return FAULT_AT_HUGE;
	}
	return FAULT_OK;
}

/* At a huge leaf, or no memory for the tables. */
static __attribute__((noinline)) int not_open(struct cursor *c, int err)
{
	if (err != -EEXIST)
		return FAULT_OOM;
	cursor_close(c);
	return FAULT_AT_HUGE;
}

static __always_inline_ int fault_open(struct fault *f, struct cursor *c)
{
	int r = fault_prepare(f), err;

	if (unlikely(r != FAULT_OK))
		return r;
	err = cursor_open(c, &f->mm->as, f->va, 1);
	return likely(!err) ? (int)FAULT_OK : not_open(c, err);
}

/* The same for something else than was thought: c stood there before. */
static __attribute__((noinline)) int fault_open_again(struct fault *f, struct cursor *c)
{
	bool awake = f->need == NEED_ZEROED || f->need == NEED_SWAPPED || (f->need == NEED_COPY && f->source);
	int r;

	if (!awake)			/* preparing may sleep: c's table may be gone then */
		return fault_open(f, c);
	r = fault_prepare(f);
	if (r != FAULT_OK || cursor_reopen(c))
		return r;
	return fault_open(f, c);
}

static int settle_huge(struct fault *f);

/* Prepares, looks at the entry under its table's lock, commits. The VMA is locked. */
static __always_inline_ int fault_settle(struct fault *f)
{
	struct cursor c;
	int r = fault_open(f, &c);

	while (likely(r == FAULT_OK)) {
		r = fault_entry(f, &c);
		cursor_close(&c);
		if (unlikely(f->gathering))
			gather_finish(&f->g);
		if (unlikely(f->ncached))
			fault_release_cached(f);
		if (likely(r != FAULT_AGAIN))
			return r;
		r = fault_open_again(f, &c);
	}
	if (f->ncached)			/* no memory for the tables */
		fault_release_cached(f);
	return r == FAULT_AT_HUGE ? settle_huge(f) : r;
}

/* Where the entry is one of 2 MB, and after that a table may be. (None becomes huge again meanwhile.) */
static __attribute__((noinline)) int settle_huge(struct fault *f)
{
	int r = vma_is_huge(f->vma) ? hugetlb_settle(f) : fault_settle_huge(f);

	return r == FAULT_SMALL ? fault_settle(f) : r;
}

/* ---- the whole ---- */

/* FAULT_OK: there may be memory by now. */
static int fault_reclaim(struct fault *f)
{
	if (mm_retry(f->mm, &f->tries))
		return FAULT_OK;
	if (f->reclaimed)
		return FAULT_OOM;
	f->reclaimed = true;
	return objects_drop_clean() > 0 ? FAULT_OK : FAULT_OOM;
}

/* Makes an explicit huge page ready, and maps it where it is still wanted. FAULT_OK: begin anew. */
static int fault_hugetlb(struct fault *f)
{
	int r;

	do {
		r = hugetlb_prepare(f);
		if (r != FAULT_OK)
			break;
		r = fault_lock(f);
		if (r == FAULT_OK)
			r = fault_allow(f, ACCESS_PRESENT);
		f->need = NEED_HUGETLB;
		r = r == FAULT_OK && vma_is_huge(f->vma) ? hugetlb_settle(f) : FAULT_AGAIN;
		fault_unlock(f, FAULT_AGAIN);
	} while (r == FAULT_HUGETLB);
	hugetlb_end(f);
	return r == FAULT_AGAIN ? (int)FAULT_OK : r;
}

/* What can only be done outside of the locks, with nothing prepared; FAULT_OK: start again. */
static int fault_outside(struct fault *f, int r)
{
	fault_ask(f, NEED_NOTHING, NULL);
	if (r == FAULT_GROW)
		return mm_grow_stack(f->mm, f->va);
	if (r == FAULT_WAIT_PAGE)
		r = fault_read_in(f);
	else if (r == FAULT_WAIT_SWAP)
		r = fault_read_swapped(f);
	else if (r == FAULT_WAIT_BUSY)
		r = fault_wait_held(f);
	else if (r == FAULT_HUGETLB)
		r = fault_hugetlb(f);
	else if (r == FAULT_WAIT_BLOCK)
		r = fault_make_block(f);
	if (r == FAULT_OOM)
		r = fault_reclaim(f);
	return r;
}

static void fault_count(const struct fault *f)
{
	vm_count(PGFAULT, 1);
	current_thread()->faults[f->major]++;
	if (likely(!f->major))		/* the VMA has counted it */
		return;
	vm_count(PGMAJFAULT, 1);
	__atomic_fetch_add(&f->mm->majflt, 1, __ATOMIC_RELAXED);
}

/* Not all of f is cleared: what another field makes valid is left. */
static void fault_begin(struct fault *f, struct mm *mm, vaddr_t va, unsigned access)
{
	f->mm = mm;
	f->va = va & PAGE_MASK;
	f->access = access & (ACCESS_WRITE | ACCESS_EXEC);
	f->fresh = f->source = f->swapped = f->held = NULL;
	f->ncached = 0;
	f->tries = 0;
	f->major = f->reclaimed = f->small = f->gathering = false;
}

static void fault_end(struct fault *f)
{
	if (likely(!((uintptr_t)f->fresh | (uintptr_t)f->source | (uintptr_t)f->swapped |
		     (uintptr_t)f->held)))
		return;
	fault_ask(f, NEED_NOTHING, NULL);
	if (f->held)
		page_put(f->held);
}

enum fault_result vm_fault(struct mm *mm, vaddr_t va, unsigned access)
{
	struct fault f;
	int r;

	fault_begin(&f, mm, va, access);
	do {
		r = fault_lock(&f);
		if (likely(r == FAULT_OK))
			r = fault_allow(&f, access);
		if (likely(r == FAULT_OK))
			r = fault_settle(&f);
		fault_unlock(&f, r);
		if (likely(r < FAULT_OOM))
			break;
		if (r == FAULT_IN_PLACE) {
			r = FAULT_OK;
			break;
		}
		r = fault_outside(&f, r);
	} while (r == FAULT_OK);
	fault_end(&f);
	if (likely(r == FAULT_OK))
		fault_count(&f);
	return r;
}

/* The entry of f, if it names a swap slot still: FAULT_OK, FAULT_AGAIN: it names another one. */
static int bring_back_once(struct fault *f)
{
	struct cursor c;
	pte_t e;
	int r;

	f->prot = f->vma->prot;
	if (!fault_swapped(f))
		return FAULT_OK;
	if (f->need != NEED_COPY)
		f->need = NEED_SWAPPED;
	r = fault_open(f, &c);
	if (r != FAULT_OK)
		return r == FAULT_AT_HUGE || r == FAULT_IN_PLACE ? (int)FAULT_OK : r;
	e = cursor_get(&c);
	if (pte_kind(e, c.level) == PTE_SWAP)
		r = fault_swap(f, &c, e);
	cursor_close(&c);
	if (f->gathering)
		gather_finish(&f->g);
	return r;
}

enum fault_result fault_bring_back(struct mm *mm, vaddr_t va)
{
	struct fault f;
	int r;

	fault_begin(&f, mm, va, ACCESS_READ);
	f.need = NEED_NOTHING;
	do {
		r = fault_lock(&f);
		if (r == FAULT_OK)
			r = bring_back_once(&f);
		else
			r = FAULT_OK;		/* the mapping is gone meanwhile */
		fault_unlock(&f, FAULT_AGAIN);	/* nobody's fault: not counted */
		if (r == FAULT_WAIT_SWAP || r == FAULT_OOM) {
			r = fault_outside(&f, r);
			r = r == FAULT_OK ? (int)FAULT_AGAIN : r;
		}
	} while (r == FAULT_AGAIN);
	fault_end(&f);
	return r;
}
