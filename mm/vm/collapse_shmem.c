/*
 * Small pages of memory objects that become blocks (collapse.h): which, and what becomes of the mapping. How: mm/obj/collapse.c.
 *
 * What counts is what the object has, mapped or not: on demand one page, of which those in swap come back; for khugepaged as
 * many as its limits say. All mappings lose their entries, and find the block by their next faults; who has asked
 * gets the huge leaf at once.
 *
 * Locks: mm.lock for reading to find the object, and to empty the table that is to become a leaf; none besides.
 */
#include <mm/vm/collapse.h>
#include <kernel/core/thread.h>
#include <mm/pt/pt.h>
#include <mm/vm/map.h>

#include <linux/errno.h>

/* The object at va, referenced, and the page of it that va shows. */
static int find_object(struct mm *mm, vaddr_t va, bool asked, struct object **o, uint64_t *first)
{
	const struct vma *v;
	int err = -EINVAL;

	read_lock(&mm->lock);
	v = vma_find(mm, va);
	if (v && v->obj && collapse_fits(v, va, asked)) {
		*o = v->obj;
		*first = vma_pgoff(v, va);
		object_get(*o);
		err = 0;
	}
	read_unlock(&mm->lock);
	return err;
}

static bool is_enough(const struct object_run *r, bool asked)
{
	if (!r->pages && !r->swapped)
		return false;
	return asked || (PT_ENTRIES - r->pages - r->swapped <= READ_ONCE(thp.max_ptes_none) &&
			 r->swapped <= READ_ONCE(thp.max_ptes_swap));
}

static int bring_back(struct object *o, uint64_t first)
{
	struct page *p;
	int err = 0;

	for (uint64_t i = first; i < first + PT_ENTRIES && !err; i++) {
		err = object_present(o, i, &p);
		if (!err && p)
			page_put(p);
		resched_point();
	}
	return err;
}

static int make_block(struct mm *mm, struct object *o, uint64_t first)
{
	struct page *head = collapse_block(mm, PAGE_FILE);

	if (!head)
		return -ENOMEM;
	shmem_look_closer();
	return object_collapse(o, first, head);
}

static int collapse_run(struct mm *mm, struct object *o, uint64_t first, bool asked)
{
	for (unsigned i = 0; i < SWAP_TRIES; i++) {
		struct object_run r = object_look_at(o, first);
		int err;

		if (r.block)
			return -EEXIST;
		if (!is_enough(&r, asked))
			return -EINVAL;
		if (!r.swapped)
			return r.held ? -EAGAIN : make_block(mm, o, first);
		err = bring_back(o, first);
		if (err)
			return err;
	}
	return -EAGAIN;
}

/* The table at va, if its entries are the object's still, makes room. */
static bool make_room(struct mm *mm, vaddr_t va, const struct object *o)
{
	const struct vma *v;
	struct gather g;
	bool there;

	read_lock(&mm->lock);
	v = vma_find(mm, va);
	there = v && v->obj == o && collapse_fits(v, va, true);
	if (there) {
		gather_init_for(&g, &mm->as, FLUSH_COLLAPSE);
		pt_zap_cached(&mm->as, va, va + HUGE_SIZE, &g);
		gather_finish(&g);
	}
	read_unlock(&mm->lock);
	return there;
}

/* A fault maps the block; if it cannot, the next one may. */
static void map_block(struct mm *mm, vaddr_t va, const struct object *o)
{
	unsigned level;
	pte_t e = pt_lookup(&mm->as, va, &level);

	if (level > 1 && !pte_is_none(e))
		return;
	if (make_room(mm, va, o))
		(void)vm_fault(mm, va, ACCESS_READ);
}

int collapse_shared(struct mm *mm, vaddr_t va, bool asked)
{
	struct object *o;
	uint64_t first;
	int err = find_object(mm, va, asked, &o, &first);

	if (err)
		return err;
	err = collapse_run(mm, o, first, asked);
	if (asked && (!err || err == -EEXIST))
		map_block(mm, va, o);
	object_put(o);
	return err == -ENOSPC || err == -EIO ? -EINVAL : err;
}
