/*
 * Faults in mappings of objects (files, shared memory).
 *
 * A read maps the cached page itself, and with it the cached pages around it
 * (a window of fault_around_pages, aligned, within the VMA and so within one
 * table): they cost a few instructions each here, and a fault later. A page
 * is mapped under its PG_BUSY, so that none is mapped that is on its way out
 * of the object. What is not in the cache is read in outside of mm.lock, and
 * the fault starts again.
 *
 * A write to a private mapping where nothing is mapped yet gets its copy at
 * once.
 */
#include <mm/vm/fault.h>
#include <lib/assert.h>
#include <lib/option.h>
#include <linux/errno.h>
#include <mm/alloc/busy.h>

uint64_t fault_around_pages = FAULT_AROUND_MAX;
option_uint(fault_around, &fault_around_pages, 1, FAULT_AROUND_MAX,
	    "cached pages mapped by one read fault of a file, rounded down to a power of two");

int fault_wait_object(struct fault *f, uint64_t index, enum fault_step how)
{
	f->wait_obj = f->vma->obj;
	f->wait_index = index;
	object_get(f->wait_obj);
	return how;
}

/* The page of va is not cached, or somebody has it. */
static int wait_for_page(struct fault *f)
{
	return fault_wait_object(f, vma_pgoff(f->vma, f->va), FAULT_WAIT_PAGE);
}

/* ---- the cached page itself ---- */

int fault_prepare_cached(struct fault *f)
{
	const struct vma *v = f->vma;
	size_t window = PAGE_SIZE << (63 - __builtin_clzl(fault_around_pages));
	vaddr_t first = MAX(f->va & -window, v->start);
	vaddr_t end = MIN((f->va & -window) + window, v->end);

	if (fault_writes(f)) {
		first = f->va;
		end = first + PAGE_SIZE;
	}
	f->ncached = (end - first) >> PAGE_SHIFT;
	f->centre = (f->va - first) >> PAGE_SHIFT;
	f->mapped = 0;
	object_lock_cached(v->obj, vma_pgoff(v, first), f->ncached, f->cached);
	if (f->cached[f->centre])
		return FAULT_OK;
	fault_release_cached(f);
	return wait_for_page(f);
}

void fault_release_cached(struct fault *f)
{
	for (unsigned i = 0; i < f->ncached; i++) {
		struct page *p = f->cached[i];

		if (!p)
			continue;
		page_unlock(p);
		if (!(f->mapped & 1u << i))
			page_put(p);
	}
	f->ncached = 0;
}

/* Maps the prepared window wherever nothing is; the cursor stands on its centre. */
static int map_cached(struct fault *f, struct cursor *c)
{
	c->slot -= f->centre;
	c->va -= f->centre * PAGE_SIZE;
	for (unsigned i = 0; i < f->ncached; i++, c->slot++, c->va += PAGE_SIZE) {
		if (!f->cached[i] || !pte_is_none(cursor_get(c)))
			continue;
		cursor_map(c, f->cached[i], f->prot);
		f->mapped |= 1u << i;
	}
	vm_count(FAULT_FILE, 1);
	vm_count(FAULT_AROUND, __builtin_popcount(f->mapped) - 1);
	return FAULT_OK;
}

/* ---- a copy of it ---- */

int fault_prepare_copy(struct fault *f)
{
	if (f->fresh)
		return FAULT_OK;
	if (!f->source)
		f->source = object_cached(f->vma->obj, vma_pgoff(f->vma, f->va));
	if (!f->source)
		return wait_for_page(f);
	f->fresh = page_alloc(0, PAGE_ANON, 0);
	if (!f->fresh)
		return FAULT_OOM;
	copy_page(page_to_virt(f->fresh), page_to_virt(f->source));
	return FAULT_OK;
}

/* Is what was prepared a copy of the object's page for va? */
static bool have_copy(const struct fault *f)
{
	return f->fresh && f->source && f->source->owner == f->vma->obj &&
	       f->source->index == vma_pgoff(f->vma, f->va);
}

int fault_file_none(struct fault *f, struct cursor *c)
{
	if (fault_writes(f) && fault_private(f)) {
		if (!have_copy(f))
			return fault_ask(f, NEED_COPY, NULL);
		vm_count(FAULT_COPY, 1);
		cursor_map(c, fault_take_fresh(f), f->prot | PROT_W);
		return FAULT_OK;
	}
	if (!f->ncached)
		return fault_ask(f, NEED_CACHED, NULL);
	return map_cached(f, c);
}

int fault_read_in(struct fault *f)
{
	struct object *o = f->wait_obj;
	int err;

	if (f->held)
		page_put(f->held);
	f->held = NULL;
	err = object_page(o, f->wait_index, &f->held, &f->major);
	if (!err)
		page_wait_busy(f->held);
	object_put(o);
	if (!err)
		return FAULT_OK;
	return err == -ENOMEM ? FAULT_OOM : FAULT_BUS;
}
