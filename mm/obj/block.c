/*
 * Huge pages of memory objects: 512 pages in a row, which lie in memory as they do in the object, so
 * that a huge leaf can map them.
 *
 * Each of them is a page like any other, with its own place in the index, its own reference of
 * that, its own PG_BUSY; nothing is noted anywhere of their being a block. So what takes single pages out (truncate,
 * a hole, swap) or puts others in their places knows nothing of blocks; what is left is one no more, which is found
 * by a look. A huge leaf is made as 512 small ones would be: with all of the pages busy.
 *
 * Locks: o->lock, for all 512 at once.
 */
#include <mm/obj/object.h>
#include <mm/alloc/block.h>
#include <mm/alloc/busy.h>
#include <mm/alloc/lists.h>
#include <mm/obj/swapped.h>

#include <linux/errno.h>

/* Is there nothing from `first` on, not even in swap? o->lock held. */
static bool is_empty(const struct object *o, uint64_t first)
{
	uint64_t next = first;

	return !radix_next(&o->pages, &next) || next >= first + BLOCK_PAGES;
}

/* ---- made ---- */

/* All of the pages from head on into the index, or none. 0 or -ENOMEM. */
static int index_all(struct object *o, uint64_t first, struct page *head)
{
	unsigned n = 0;

	while (n < BLOCK_PAGES && !radix_insert(&o->pages, first + n, &head[n]))
		n++;
	if (n == BLOCK_PAGES)
		return 0;
	while (n-- > 0)
		radix_remove(&o->pages, first + n);
	return -ENOMEM;
}

/* The index gets the caller's references. o->lock held. */
static int insert(struct object *o, uint64_t first, struct page *head)
{
	int err;

	if (!object_reaches(o, first + BLOCK_PAGES - 1))
		return -ENXIO;
	if (!is_empty(o, first))
		return -EEXIST;
	err = object_pay(o, BLOCK_PAGES);
	if (err)
		return err;
	err = index_all(o, first, head);
	if (err) {
		object_unpay(o, BLOCK_PAGES);
		return err;
	}
	o->npages += BLOCK_PAGES;
	for (unsigned i = 0; i < BLOCK_PAGES; i++) {
		head[i].owner = o;
		head[i].index = first + i;
		lists_new(&head[i]);
	}
	return 0;
}

int object_make_block(struct object *o, uint64_t first)
{
	struct page *head = page_alloc(ORDER_HUGE, PAGE_FILE, ALLOC_ZERO);
	int err;

	if (!head)
		return -ENOMEM;
	head->flags |= PG_UPTODATE | PG_SHMEM;
	block_part(head);
	spin_lock(&o->lock);
	err = insert(o, first, head);
	spin_unlock(&o->lock);
	for (unsigned i = 0; err && i < BLOCK_PAGES; i++)
		page_put(&head[i]);
	return err;
}

/* ---- found ---- */

/* o->lock held. */
static struct page *find(const struct object *o, uint64_t first)
{
	struct page *head = item_page(radix_get(&o->pages, first));

	if (!head || page_to_pfn(head).v % BLOCK_PAGES)
		return NULL;
	for (unsigned i = 0; i < BLOCK_PAGES; i += RADIX_ROW) {
		void *const *row = radix_row(&o->pages, first + i);

		for (unsigned k = 0; k < RADIX_ROW; k++)
			if (!row || row[k] != &head[i + k])
				return NULL;
	}
	return head;
}

/* Does somebody have p but its entries and the index? */
static bool is_held(const struct page *p)
{
	return READ_ONCE(p->flags) & PG_BUSY || READ_ONCE(p->refs) != READ_ONCE(p->slots) + 1;
}

struct object_run object_look_at(struct object *o, uint64_t first)
{
	struct object_run r = { 0 };

	spin_lock(&o->lock);
	for (uint64_t i = first; i < first + BLOCK_PAGES && object_reaches(o, first + BLOCK_PAGES - 1); i++) {
		void *item = radix_get(&o->pages, i);

		struct page *p = item_page(item);

		r.pages += p != NULL;
		r.swapped += item_is_swap(item);
		r.held |= p && is_held(p);
	}
	r.block = r.pages == BLOCK_PAGES && find(o, first);
	spin_unlock(&o->lock);
	return r;
}

static void unlock(struct page *head, unsigned n, bool given)
{
	for (struct page *p = head; p < head + n; p++) {
		page_unlock(p);
		if (!given)
			page_put(p);
	}
}

/* How many pages from head on could be made busy, up to the first that somebody has. */
static unsigned hold(struct page *head)
{
	unsigned n = 0;

	while (n < BLOCK_PAGES && page_is_ready(&head[n]) && page_trylock(&head[n]))
		page_get(&head[n++]);
	return n;
}

/* As object_lock_block; -EAGAIN: the first *n are held. o->lock held. */
static int lock_block(const struct object *o, uint64_t first, struct page **head, unsigned *n)
{
	*head = NULL;
	if (!object_reaches(o, first + BLOCK_PAGES - 1))
		return -EINVAL;
	*head = find(o, first);
	if (!*head)
		return is_empty(o, first) ? -ENOENT : -EINVAL;
	*n = hold(*head);
	if (*n == BLOCK_PAGES)
		return 0;
	page_get(*head + *n);
	return -EAGAIN;
}

int object_lock_block(struct object *o, uint64_t first, struct page **head)
{
	unsigned n;
	int err;

	spin_lock(&o->lock);
	err = lock_block(o, first, head, &n);
	spin_unlock(&o->lock);
	if (err == -EAGAIN) {
		unlock(*head, n, false);
		*head += n;
	}
	return err;
}

void object_unlock_block(struct page *head, bool given)
{
	unlock(head, BLOCK_PAGES, given);
}

bool object_is_block(const struct page *head)
{
	const struct object *o = READ_ONCE(head->owner);
	uint64_t first = READ_ONCE(head->index);

	if (!o || first % BLOCK_PAGES || page_to_pfn(head).v % BLOCK_PAGES)
		return false;
	for (unsigned i = 0; i < BLOCK_PAGES; i++)
		if (READ_ONCE(head[i].kind) != PAGE_FILE || READ_ONCE(head[i].owner) != o ||
		    READ_ONCE(head[i].index) != first + i || !(READ_ONCE(head[i].flags) & PG_SHMEM))
			return false;
	return true;
}
