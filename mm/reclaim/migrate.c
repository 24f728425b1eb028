/*
 * A page in use gets another frame: its content, its entries, and its place in an object or in the swap
 * cache, with nobody who uses it the wiser.
 *
 *	take	PG_BUSY by a try; nobody but its entries and its cache has it
 *	unmap	its entries become migrating ones of the new page (mm/pt/migrate.c)
 *	flush	once for all of the batch, in all address spaces
 *	move	under the lock of the cache, if still nobody else has it: from there on none can get a
 *		reference by the cache, and since no entry names it none by an entry. The content is copied, and
 *		the new page is what the cache has
 *	arrive	the entries become what they were; or go back, if it could not be moved
 *
 * Whoever wants the page meanwhile waits for PG_BUSY, of the one or of the other. Who has an old page
 * from before (a read, a copy on write under way) has a reference, and so it is not moved: a reference that
 * cannot be explained may be a writer's. Locked pages (mlock) are moved: they stay in
 * memory, as on Linux (vm.compact_unevictable_allowed). Of blocks that huge leaves map none is moved.
 *
 * An object's entries are found by its mappings, whose lock is only tried: those that are missed at the end
 * wait for the fault that needs them.
 *
 * Locks: PG_BUSY of both pages, by a try; whatever the called take, one after the other.
 */
#include <mm/reclaim/migrate.h>
#include <lib/assert.h>
#include <mm/alloc/block.h>
#include <mm/alloc/busy.h>
#include <mm/alloc/lists.h>
#include <mm/alloc/slots.h>
#include <mm/alloc/stat.h>
#include <mm/obj/object.h>
#include <mm/pt/rmap.h>

/* What the new page is, besides busy, as soon as an entry names it. */
#define KEPT_FLAGS	(PG_UPTODATE | PG_DIRTY | PG_REFERENCED | PG_SHMEM | PG_LAZYFREE)

struct batch {
	unsigned n;
	struct page *from[MIGRATE_BATCH], *to[MIGRATE_BATCH];
};

static bool in_cache(const struct page *p)
{
	return READ_ONCE(p->flags) & PG_SWAPCACHE || p->kind == PAGE_FILE;
}

/* p is busy. */
static bool can_move(const struct page *p)
{
	if (p->order || (p->kind != PAGE_ANON && p->kind != PAGE_FILE) || READ_ONCE(p->flags) & PG_MIXED)
		return false;
	if (p->kind == PAGE_FILE &&
	    (!p->owner || !(READ_ONCE(p->flags) & PG_UPTODATE) || block_is_cached(p)))
		return false;
	return READ_ONCE(p->refs) == READ_ONCE(p->slots) + in_cache(p) + 1;
}

/* n, the caller's, becomes a page like p. */
static void prepare(struct page *n, const struct page *p)
{
	uint32_t flags = READ_ONCE(p->flags) & KEPT_FLAGS;

	if (p->flags & PG_SWAPCACHE)
		flags &= ~(PG_DIRTY | PG_UPTODATE);	/* they come with it */
	n->flags = PG_BUSY | flags;
	n->kind = p->kind;
	n->index = p->index;
	if (p->kind == PAGE_FILE)
		n->owner = p->owner;
}

/* Returns how many of the pages were refused. */
static unsigned take(struct batch *b, struct page *const *from, struct page *const *to, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct page *p = from[i];
		bool busy = page_trylock(p);

		if (busy && can_move(p)) {
			prepare(to[b->n], p);
			b->from[b->n] = p;
			b->to[b->n] = to[b->n];
			b->n++;
			continue;
		}
		if (busy)
			page_unlock(p);
		lists_moved(p, p);
		page_put(p);
	}
	return n - b->n;
}

static void move_entries(struct page *from, struct page *to, bool arrived, struct reclaim_gather *r)
{
	if (from->kind == PAGE_ANON)
		rmap_move(from, to, arrived, r);
	else
		object_move_entries(from, to, arrived, r);
}

static bool move_content(struct page *p, struct page *n)
{
	if (READ_ONCE(p->slots))
		return false;
	if (p->kind == PAGE_FILE)
		return object_move(p, n);
	if (!(p->flags & PG_SWAPCACHE) && READ_ONCE(p->refs) != 1)
		return false;
	copy_page(page_to_virt(n), page_to_virt(p));
	return !(p->flags & PG_SWAPCACHE) || slot_cache_move(p, n);
}

static void arrived(struct page *p, struct page *n)
{
	n->limit_id = p->limit_id;
	p->limit_id = 0;
	if (n->kind == PAGE_ANON)
		rmap_arrive(n);
	else
		object_move_entries(n, n, true, NULL);
	page_unlock(n);
	lists_moved(p, n);
	page_put(n);
	page_unlock(p);
	page_put(p);
}

/* What was dirty is so in an entry, or in either page. */
static void went_back(struct page *p, struct page *n)
{
	move_entries(n, p, true, NULL);
	__atomic_fetch_or(&p->flags, READ_ONCE(n->flags) & PG_DIRTY, __ATOMIC_RELAXED);
	if (n->kind == PAGE_FILE)
		n->owner = NULL;
	page_unlock(n);
	page_put(n);
	page_unlock(p);
	lists_moved(p, p);
	page_put(p);
}

unsigned migrate_pages(struct page *const *from, struct page *const *to, unsigned n, unsigned *moved)
{
	struct batch b = { .n = 0 };
	struct reclaim_gather r;
	unsigned refused;

	assert(n <= MIGRATE_BATCH);
	*moved = 0;
	refused = take(&b, from, to, n);
	reclaim_gather_init_for(&r, FLUSH_MIGRATE);
	for (unsigned i = 0; i < b.n; i++)
		move_entries(b.from[i], b.to[i], false, &r);
	reclaim_gather_flush(&r);
	for (unsigned i = 0; i < b.n; i++) {
		if (move_content(b.from[i], b.to[i])) {
			arrived(b.from[i], b.to[i]);
			++*moved;
		} else {
			went_back(b.from[i], b.to[i]);
		}
	}
	vm_count(PGMIGRATE_SUCCESS, *moved);
	vm_count(PGMIGRATE_FAIL, n - *moved);
	return refused;
}
