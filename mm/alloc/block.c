/*
 * What blocks are (block.h has the law): counts that stand once, or 512 times.
 *
 * The lock of a block is one of a few, by its number: blocks are large, and what is
 * done to one takes long enough that two on one lock hardly ever meet.
 */
#include <mm/alloc/block.h>
#include <lib/assert.h>
#include <lib/format.h>
#include <lib/ref.h>
#include <mm/alloc/internal.h>
#include <mm/alloc/limit.h>
#include <mm/alloc/lists.h>
#include <mm/alloc/stat.h>

#define LOCKS		64u

static struct { struct spinlock lock; } __attribute__((aligned(64))) locks[LOCKS] = {
	[0 ... LOCKS - 1] = { SPINLOCK_INIT(RANK_BLOCK) },
};

static struct spinlock *lock_of(const struct page *head)
{
	return &locks[(page_to_pfn(head).v >> ORDER_HUGE) % LOCKS].lock;
}

void block_lock(const struct page *head)
{
	spin_lock(lock_of(head));
}

void block_unlock(const struct page *head)
{
	spin_unlock(lock_of(head));
}

/* How many struct pages have the block's counts. */
static unsigned pages_of(const struct page *head)
{
	return block_is_whole(head) ? 1 : BLOCK_PAGES;
}

/* ---- the queue ---- */

/* head->policy */
#define QUEUED		1u
#define IN_PIECES	2u		/* a mixed one: a reference of its head alone is a page's */
#define USED		4u		/* when it was looked at last */

static struct spinlock queue_lock = SPINLOCK_INIT(RANK_LISTS);
static struct page_list queue = TAILQ_HEAD_INITIALIZER(queue);	/* oldest first */
static struct block_figures figures;	/* queue_lock */

/* The block is in the queue with these bits, where it was, or else behind the others; 0: it is not. */
static void set_state(struct page *head, uint32_t state)
{
	spin_lock(&queue_lock);
	if (state && !head->policy)
		TAILQ_INSERT_TAIL(&queue, head, link);
	if (!state && head->policy)
		TAILQ_REMOVE(&queue, head, link);
	figures.listed += !!state - !!head->policy;
	figures.active += !!(state & USED) - !!(head->policy & USED);
	head->policy = state;
	spin_unlock(&queue_lock);
}

static void unlist(struct page *head)
{
	set_state(head, 0);
}

void block_list(struct page *head)
{
	set_state(head, QUEUED);
}

/* The caller's reference of a block that was in pieces, its head's alone, becomes the block's. False: it is none any more. */
static bool get_others(struct page *head)
{
	bool whole, mixed;

	block_lock(head);
	whole = block_is_whole(head);
	mixed = READ_ONCE(head->flags) & PG_MIXED;
	for (struct page *p = head + 1; mixed && p < head + BLOCK_PAGES; p++)
		page_get(p);
	block_unlock(head);
	return whole || mixed;
}

static bool is_wanted(const struct page *head, uint16_t limit)
{
	return !limit || limit_within(head->limit_id, limit);
}

struct page *block_oldest(uint16_t limit)
{
	bool in_pieces = false;
	struct page *head;

	spin_lock(&queue_lock);
	TAILQ_FOREACH(head, &queue, link)
		if (is_wanted(head, limit) && ref_tryget(&head->refs))
			break;
	if (head) {
		TAILQ_REMOVE(&queue, head, link);
		TAILQ_INSERT_TAIL(&queue, head, link);
		in_pieces = head->policy & IN_PIECES;
	}
	spin_unlock(&queue_lock);
	if (!in_pieces || get_others(head))
		return head;
	page_put(head);
	return NULL;
}

static bool is_block(const struct page *head)
{
	return block_is_whole(head) || READ_ONCE(head->flags) & PG_MIXED;
}

void block_used(struct page *head, bool used)
{
	block_lock(head);
	if (is_block(head))
		set_state(head, (head->policy & ~USED) | (used ? USED : 0));
	block_unlock(head);
}

static void to_front(struct page *head)
{
	spin_lock(&queue_lock);
	if (head->policy) {
		TAILQ_REMOVE(&queue, head, link);
		TAILQ_INSERT_HEAD(&queue, head, link);
	}
	spin_unlock(&queue_lock);
}

void block_cool(struct page *head)
{
	block_lock(head);
	if (is_block(head)) {
		set_state(head, head->policy & ~USED);
		to_front(head);
	}
	block_unlock(head);
}

void block_lazy(struct page *head, bool lazy)
{
	if (lazy)
		block_cool(head);
	block_lock(head);
	if (block_is_whole(head) && lazy)
		__atomic_fetch_or(&head->flags, PG_LAZYFREE, __ATOMIC_RELAXED);
	else if (block_is_whole(head))
		__atomic_fetch_and(&head->flags, ~PG_LAZYFREE, __ATOMIC_RELAXED);
	block_unlock(head);
}

struct block_figures block_figures(void)
{
	struct block_figures f;

	spin_lock(&queue_lock);
	f = figures;
	spin_unlock(&queue_lock);
	return f;
}

/* ---- counts ---- */

void block_add_slots(struct page *head, int n)
{
	for (struct page *p = head; p < head + pages_of(head); p++)
		__atomic_fetch_add(&p->slots, (uint32_t)n, __ATOMIC_ACQ_REL);
}

void block_add_refs(struct page *head, int n)
{
	for (struct page *p = head; p < head + pages_of(head); p++)
		__atomic_fetch_add(&p->refs, (uint32_t)n, __ATOMIC_ACQ_REL);
}

void block_add_locked(struct page *head, int n)
{
	for (struct page *p = head; p < head + pages_of(head); p++)
		if (__atomic_add_fetch(&p->nlocked, (uint32_t)n, __ATOMIC_SEQ_CST) == 0)
			lists_new(p);
}

void block_get(struct page *head)
{
	block_lock(head);
	block_add_refs(head, 1);
	block_unlock(head);
}

static void free_whole(struct page *head)
{
	unlist(head);
	page_free(head, head->order);
}

void block_put(struct page *head)
{
	uint32_t refs = 0;
	bool whole;

	block_lock(head);
	whole = block_is_whole(head);
	if (whole)
		refs = __atomic_sub_fetch(&head->refs, 1, __ATOMIC_ACQ_REL);
	block_unlock(head);
	if (!whole)
		for (struct page *p = head; p < head + BLOCK_PAGES; p++)
			page_put(p);
	else if (!refs)
		free_whole(head);
}

/* ---- what it is ---- */

/* p, some frame of the block, becomes a page with the head's counts. */
static void make_page(struct page *p, const struct page *head, bool mixed)
{
	p->flags = (head->flags & (PG_UPTODATE | PG_DIRTY | PG_REFERENCED | PG_LAZYFREE | PG_SHMEM)) |
		   (mixed ? PG_MIXED : 0);
	p->limit_id = head->limit_id;
	p->refs = head->refs;
	p->slots = head->slots;
	p->slot = NULL;
	p->owner = NULL;
	p->index = head->index + (uint64_t)(p - head);
	p->policy = 0;
	p->nlocked = head->nlocked;
	p->order = 0;
	__atomic_store_n(&p->kind, head->kind, __ATOMIC_RELEASE);
}

void block_scatter(struct page *head, bool mixed)
{
	uintptr_t leaf = head->leaf;

	assert(head->kind == PAGE_ANON && head->order == ORDER_HUGE);
	unlist(head);
	vm_count(THP_SPLIT_PAGE, 1);
	for (unsigned i = BLOCK_PAGES; i-- > 0; )	/* the head, which has the counts, last */
		make_page(&head[i], head, mixed);
	head->leaf = mixed ? leaf : 0;
	if (mixed)
		set_state(head, QUEUED | IN_PIECES);
}

void block_unmix(struct page *head)
{
	unlist(head);
	for (struct page *p = head; p < head + BLOCK_PAGES; p++) {
		__atomic_fetch_and(&p->flags, ~PG_MIXED, __ATOMIC_RELEASE);
		lists_new(p);
	}
}

static bool is_own_page(const struct page *p)
{
	return READ_ONCE(p->slots) == 1 && READ_ONCE(p->refs) == 1;
}

/* A mixed block of which all small slots are gone. */
static void make_whole(struct page *head)
{
	for (struct page *p = head + 1; p < head + BLOCK_PAGES; p++) {
		p->flags = 0;
		p->limit_id = 0;
		p->kind = PAGE_TAIL;
	}
	__atomic_fetch_and(&head->flags, ~PG_MIXED, __ATOMIC_RELAXED);
	head->order = ORDER_HUGE;
	block_list(head);
}

bool block_is_own(struct page *head)
{
	bool own = true;

	block_lock(head);
	for (struct page *p = head; p < head + pages_of(head) && own; p++)
		own = is_own_page(p);
	if (own && !block_is_whole(head))
		make_whole(head);
	block_unlock(head);
	return own;
}

/* ---- pages of an object ---- */

void block_part(struct page *head)
{
	assert(head->order == ORDER_HUGE && head->refs == 1 && !head->slots && !head->policy);
	for (unsigned i = BLOCK_PAGES; i-- > 0; )
		make_page(&head[i], head, false);
}

void block_set_flag(struct page *head, uint32_t flag)
{
	for (struct page *p = head; p < head + BLOCK_PAGES; p++)
		if (!(READ_ONCE(p->flags) & flag))
			__atomic_fetch_or(&p->flags, flag, __ATOMIC_RELAXED);
}

bool block_is_cached(const struct page *p)
{
	const struct page *head = block_head(p);

	return READ_ONCE(head->kind) == PAGE_FILE && !READ_ONCE(head->order) && READ_ONCE(head->leaves);
}
