/*
 * Faults on explicit huge pages (hugetlb.h):
 *
 *	none		a page of the pool, cleared; shared: the object's page of that index, made if there is none;
 *			private, of a file: its page, or for a write a copy of it
 *	W missing	shared: W back; private: its own (one slot, one reference): W back, else a copy
 *	noaccess	rights back
 *
 * Clearing 1 GB takes long: the page is made ready outside of all locks but one of its own kind, by which one thread
 * at a time makes the page of an index: so two threads of one process never need two pages where one was promised.
 * Then the fault starts anew, and finds under the table's lock whether it is still wanted.
 *
 * A truncate takes a page out of the object first and out of the mappings then: who maps it under the table's lock
 * and still sees it in the object is found by that.
 *
 * Nothing to be had is FAULT_BUS, as on Linux: memory in general may be plentiful. An owner (VM_HUGE_OWNER), who was
 * promised a page, gets his children's share of it instead of a copy.
 */
#include <mm/vm/fault.h>
#include <kernel/core/thread.h>
#include <lib/assert.h>
#include <mm/alloc/slab.h>
#include <mm/vm/hugetlb.h>

#include <linux/errno.h>

static unsigned level_of(const struct vma *v)
{
	return v->flags & VM_HUGE_1G ? 3 : 2;
}

/* ---- under the locks ---- */

/* What f has asked for before; NULL: nothing. */
static struct hugetlb_fault *ready_or_asked(const struct fault *f)
{
	return f->need == NEED_HUGETLB ? f->huge : NULL;
}

/* Begins to ask, for page `index` of f's object. NULL: no memory. */
static struct hugetlb_fault *begin(struct fault *f, uint64_t index)
{
	struct hugetlb_fault *h = kmalloc(sizeof(*h));

	if (!h)
		return NULL;
	f->huge = h;
	f->need = NEED_HUGETLB;
	object_get(f->vma->obj);
	*h = (struct hugetlb_fault){ .obj = f->vma->obj, .index = index };
	return h;
}

/* f needs a page made ready: a copy of source, or (NULL) what there is of the object. */
static int ask(struct fault *f, struct page *source)
{
	const struct vma *v = f->vma;
	uint64_t index = vma_pgoff(v, f->va & -hugetlb_size(v));
	struct hugetlb_fault *h = ready_or_asked(f);

	if (!h)
		h = begin(f, index);
	if (!h)
		return FAULT_OOM;
	h->other = h->obj != v->obj || h->index != index;
	if (h->other)			/* the mapping was replaced meanwhile */
		return FAULT_HUGETLB;
	h->private = fault_private(f);
	h->ours = !h->private || v->flags & VM_HUGE_OWNER;
	h->write = fault_writes(f);
	if (source)
		page_get(source);
	if (h->source)
		page_put(h->source);
	h->source = source;
	h->of_object = false;
	return FAULT_HUGETLB;
}

/* Is a page made ready for where f is? What of, is for the caller to look at. */
static bool is_ready(const struct fault *f)
{
	const struct hugetlb_fault *h = ready_or_asked(f);
	const struct vma *v = f->vma;

	return h && h->obj == v->obj && h->page && h->index == vma_pgoff(v, f->va & -hugetlb_size(v)) &&
	       h->private == fault_private(f);
}

/*
 * What was made ready is what is due where nothing is mapped: not the copy of a page that was mapped there before, nor
 * of one that the object has no more; nothing behind its end.
 */
static bool suits_none(const struct hugetlb_fault *h)
{
	const struct object *file = huge_file(h->obj);

	if (!huge_reaches(h->obj, h->index))
		return false;
	if (!h->private)
		return READ_ONCE(h->page->owner) == file;
	return !h->source || (h->of_object && READ_ONCE(h->source->owner) == file);
}

/* A copy of p, which is mapped there. */
static bool suits_copy(const struct hugetlb_fault *h, const struct page *p)
{
	return h->source == p && !h->of_object;
}

static struct page *take_ready(struct fault *f)
{
	struct page *p = f->huge->page;

	f->huge->page = NULL;
	return p;
}

static int none(struct fault *f, struct cursor *c)
{
	bool copy = fault_private(f) && fault_writes(f);

	if (!is_ready(f) || !suits_none(f->huge))
		return ask(f, NULL);
	cursor_map(c, take_ready(f), copy ? f->prot | PROT_W : f->prot);
	return FAULT_OK;
}

/* The other CPUs must have forgotten the old page before one writes to the new one: fault_replace has the theory. */
static int replace(struct fault *f, struct cursor *c)
{
	bool alone = READ_ONCE(f->mm->refs) == 1 && !READ_ONCE(f->mm->threaded);

	cursor_replace(c, take_ready(f), alone ? f->prot | PROT_W : f->prot, fault_gather(f));
	return alone ? (int)FAULT_OK : (int)FAULT_AGAIN;
}

static int write_present(struct fault *f, struct cursor *c, struct page *p)
{
	if (!fault_private(f)) {
		cursor_protect(c, f->prot, fault_gather(f));
		return FAULT_OK;
	}
	if (!p->owner && READ_ONCE(p->slots) == 1 && READ_ONCE(p->refs) == 1) {
		vm_count(PGREUSE, 1);
		cursor_give_write(c);
		return FAULT_OK;
	}
	if (is_ready(f) && suits_copy(f->huge, p))
		return replace(f, c);
	return ask(f, p);
}

static int entry(struct fault *f, struct cursor *c)
{
	pte_t e = cursor_get(c);

	switch (pte_kind(e, c->level)) {
	case PTE_NONE:
		return none(f, c);
	case PTE_HUGE:
		if (fault_writes(f) && !pte_writable(e))
			return write_present(f, c, pfn_to_page(pte_pfn(e)));
		return fault_allowed(f, c, e);
	case PTE_NOACCESS:
		cursor_protect(c, f->prot, fault_gather(f));
		return fault_writes(f) ? (int)FAULT_AGAIN : (int)FAULT_OK;
	default:
		panic("fault at 0x%lx of huge pages meets entry 0x%lx", f->va, e.v);
	}
}

int hugetlb_settle(struct fault *f)
{
	struct cursor c;
	int r;

	do {
		if (cursor_open(&c, &f->mm->as, f->va, level_of(f->vma)))
			return FAULT_OOM;
		r = entry(f, &c);
		cursor_close(&c);
		if (f->gathering)
			gather_finish(&f->g);
	} while (r == FAULT_AGAIN);
	return r;
}

/* ---- outside of them ---- */

/* What was made ready, and is not used, goes back. */
static void drop_ready(struct hugetlb_fault *h)
{
	if (h->promised)
		huge_took(h->obj, h->index, h->page);
	else if (h->page)
		page_put(h->page);
	h->page = NULL;
	h->promised = false;
}

/*
 * The pool has no page for the copy that it has promised the owner, who shares its page with children: they
 * lose it. Their entry is gone before the owner looks at his again.
 */
static int take_from_others(const struct fault *f, struct hugetlb_fault *h)
{
	struct page *p = h->source;

	if (huge_lose(h->obj, h->index))
		return FAULT_OOM;
	object_zap_others(h->obj, h->index, p, &f->mm->as);
	h->source = NULL;
	page_put(p);
	resched_point();
	return FAULT_OK;
}

/* A page of the pool: a copy of source, or zeros. */
static int prepare_own(const struct fault *f, struct hugetlb_fault *h)
{
	h->page = huge_take(h->obj, h->index, h->ours, &h->promised);
	if (h->page) {
		huge_fill(h->page, h->source);
		return FAULT_OK;
	}
	if (h->ours && h->source && !h->source->owner)
		return take_from_others(f, h);
	return FAULT_BUS;
}

static int prepare_private(const struct fault *f, struct hugetlb_fault *h)
{
	if (h->source)			/* mapped there */
		return prepare_own(f, h);
	if (!huge_reaches(h->obj, h->index) || (!h->ours && huge_lost(h->obj, h->index)))
		return FAULT_BUS;
	h->source = huge_get(h->obj, h->index);
	h->of_object = h->source;
	if (!h->of_object || h->write)
		return prepare_own(f, h);
	h->page = h->source;
	page_get(h->page);
	return FAULT_OK;
}

static int prepare_shared(struct hugetlb_fault *h)
{
	switch (huge_make(h->obj, h->index, false, &h->page)) {
	case 0:
		return FAULT_OK;
	case -ENOMEM:
		return FAULT_OOM;
	default:
		return FAULT_BUS;
	}
}

int hugetlb_prepare(struct fault *f)
{
	struct hugetlb_fault *h = f->huge;

	if (unlikely(h->other))
		return FAULT_AGAIN;
	if (!h->lock) {			/* somebody may have made it until it is ours */
		h->lock = huge_lock(h->obj, h->index);
		mutex_lock(h->lock);
		return FAULT_OK;
	}
	drop_ready(h);
	return h->private ? prepare_private(f, h) : prepare_shared(h);
}

void hugetlb_end(struct fault *f)
{
	struct hugetlb_fault *h = f->huge;

	drop_ready(h);
	if (h->source)
		page_put(h->source);
	if (h->lock)
		mutex_unlock(h->lock);
	object_put(h->obj);
	kfree(h);
}
