/*
 * Small pages of a memory object that become a block (block.c).
 *
 *	exchange	all or none, under o->lock: each page that is there becomes busy, by a try, and nobody
 *			has it but the index and its entries. The block's pages take all places in the index,
 *			holes too; they are busy, and not up to date. Whoever looks for a page from
 *			here on finds one that is being filled, and waits: fault, read, write, truncate, hole
 *	zap		the old pages leave every mapping, and all CPUs forget them
 *	look		does really nobody have them? Else the old ones go back: somebody may write to them
 *			through a reference, or an entry that was on its way elsewhere. Who waits for the
 *			block's pages finds that they were not filled, and looks again
 *	fill		content is copied, or cleared, page by page; each is up to date then and not busy
 *
 * So no old frame is written to after its copy, and the copy is written to by nobody before. Old pages keep their
 * owner until it is sure that they go; they are busy so long, and so neither swapped nor moved.
 *
 * Locks: PG_BUSY of both pages of each place, by a try; inside of it o->lock, and o->maps_lock by a try, one after the other.
 */
#include <kernel/core/thread.h>
#include <lib/assert.h>
#include <mm/alloc/block.h>
#include <mm/alloc/busy.h>
#include <mm/alloc/lists.h>
#include <mm/alloc/slab.h>
#include <mm/obj/swapped.h>

#include <linux/errno.h>

struct run {
	struct object *o;
	uint64_t first;
	struct page *head;		/* of the block */
	struct page **old;		/* busy and referenced, by place; NULL: a hole */
	unsigned holes;
};

/* ---- exchange; o->lock held ---- */

static int hold_page(struct run *r, unsigned i)
{
	void *item = radix_get(&r->o->pages, r->first + i);
	struct page *p = item_page(item);

	if (!item) {
		r->holes++;
		return 0;
	}
	if (!p || !page_is_ready(p) || !page_trylock(p))
		return -EAGAIN;
	page_get(p);
	r->old[i] = p;
	return READ_ONCE(p->refs) == READ_ONCE(p->slots) + 2 ? 0 : -EAGAIN;
}

static int hold(struct run *r)
{
	int err = object_reaches(r->o, r->first + BLOCK_PAGES - 1) ? 0 : -EINVAL;

	for (unsigned i = 0; i < BLOCK_PAGES && !err; i++)
		err = hold_page(r, i);
	return !err && r->holes == BLOCK_PAGES ? -EINVAL : err;
}

/* The places of holes, before `end`, are holes again. */
static void empty_holes(struct run *r, unsigned end)
{
	for (unsigned i = 0; i < end; i++)
		if (!r->old[i])
			radix_remove(&r->o->pages, r->first + i);
	if (r->holes)
		object_unpay(r->o, r->holes);
}

static int fill_holes(struct run *r)
{
	int err = r->holes ? object_pay(r->o, r->holes) : 0;

	if (err)
		return err;
	for (unsigned i = 0; i < BLOCK_PAGES; i++) {
		if (r->old[i] || !radix_insert(&r->o->pages, r->first + i, &r->head[i]))
			continue;
		empty_holes(r, i);
		return -ENOMEM;
	}
	r->o->npages += r->holes;
	return 0;
}

static void enter(struct run *r)
{
	for (unsigned i = 0; i < BLOCK_PAGES; i++) {
		struct page *n = &r->head[i];

		n->flags |= PG_BUSY;
		n->owner = r->o;
		n->index = r->first + i;
		if (r->old[i])
			radix_replace(&r->o->pages, n->index, n);
	}
}

/* ---- with no lock ---- */

static void let_go(struct run *r)
{
	for (unsigned i = 0; i < BLOCK_PAGES; i++) {
		if (!r->old[i])
			continue;
		page_unlock(r->old[i]);
		page_put(r->old[i]);
	}
}

static int exchange(struct run *r)
{
	int err;

	spin_lock(&r->o->lock);
	err = hold(r);
	if (!err)
		err = fill_holes(r);
	if (!err)
		enter(r);
	spin_unlock(&r->o->lock);
	if (err)
		let_go(r);
	return err;
}

/* All is as it was before the exchange. */
static void go_back(struct run *r)
{
	spin_lock(&r->o->lock);
	for (unsigned i = 0; i < BLOCK_PAGES; i++) {
		r->head[i].owner = NULL;
		if (r->old[i])
			radix_replace(&r->o->pages, r->first + i, r->old[i]);
	}
	empty_holes(r, BLOCK_PAGES);
	r->o->npages -= r->holes;
	spin_unlock(&r->o->lock);
	for (unsigned i = 0; i < BLOCK_PAGES; i++)
		page_unlock(&r->head[i]);
	let_go(r);
}

/* Nobody has an old page but we: the index's reference, and our own. */
static bool are_ours(const struct run *r)
{
	for (unsigned i = 0; i < BLOCK_PAGES; i++) {
		const struct page *p = r->old[i];

		if (p && (__atomic_load_n(&p->slots, __ATOMIC_ACQUIRE) ||
			  __atomic_load_n(&p->refs, __ATOMIC_ACQUIRE) != 2))
			return false;
	}
	return true;
}

static void fill_page(struct page *n, struct page *old)
{
	if (old)
		copy_page(page_to_virt(n), page_to_virt(old));
	else
		clear_page(page_to_virt(n));
	lists_new(n);
	__atomic_fetch_or(&n->flags, PG_UPTODATE, __ATOMIC_RELEASE);
	page_unlock(n);
}

static void free_old(struct page *p)
{
	page_unlock(p);
	page_put(p);			/* the index's */
	page_put(p);
}

static void fill(struct run *r)
{
	spin_lock(&r->o->lock);
	for (unsigned i = 0; i < BLOCK_PAGES; i++)
		if (r->old[i])
			r->old[i]->owner = NULL;
	spin_unlock(&r->o->lock);
	for (unsigned i = 0; i < BLOCK_PAGES; i++) {
		fill_page(&r->head[i], r->old[i]);
		if (r->old[i])
			free_old(r->old[i]);
		resched_point();
	}
}

static int collapse(struct run *r)
{
	int err = exchange(r);

	if (err)
		return err;
	if (!object_zap_busy(r->o, r->first, r->first + BLOCK_PAGES - 1) || !are_ours(r)) {
		go_back(r);
		return -EAGAIN;
	}
	fill(r);
	return 0;
}

int object_collapse(struct object *o, uint64_t first, struct page *head)
{
	struct run r = { .o = o, .first = first, .head = head };
	int err = -ENOMEM;

	assert(o->ops->memory && !o->ops->huge && first % BLOCK_PAGES == 0);
	head->flags |= PG_SHMEM;
	block_part(head);
	r.old = kzalloc(BLOCK_PAGES * sizeof(struct page *));
	if (r.old)
		err = collapse(&r);
	for (unsigned i = 0; err && i < BLOCK_PAGES; i++)
		page_put(&head[i]);
	kfree(r.old);
	return err;
}
