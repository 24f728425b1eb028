/*
 * What huge leaves say of their blocks, and how they become tables (huge.h).
 *
 * A split builds the new table while nobody can see it, makes the block's pages
 * what they are to be, and then exchanges the entry: A and D that a CPU sets in the leaf
 * until that moment are brought along. All counts stay as they are: the leaf's
 * slot and reference of each page are the new entry's.
 *
 * Locks: the leaf's table, the new one, the block.
 */
#include <asm-generic/errno-base.h>
#include <mm/alloc/lists.h>
#include <mm/alloc/stat.h>
#include <mm/pt/huge.h>
#include <mm/pt/table.h>

#define LINKED		1ul		/* in head->leaf: there are several, in a chain */


/* ---- the list of leaves; the block is locked ---- */

static pte_t *first_leaf(const struct page *head)
{
	return (pte_t *)(head->leaf & ~LINKED);
}

static void leaf_link(struct page *head, pte_t *slot)
{
	chain_add(first_leaf(head), slot, head->leaf & LINKED);
	head->leaf |= LINKED;
}

/* False: it was the last one. */
static bool leaf_unlink(struct page *head, pte_t *slot)
{
	pte_t *first = first_leaf(head);
	bool linked;

	if (!(head->leaf & LINKED)) {
		assert(first == slot);
		head->leaf = 0;
		return false;
	}
	linked = chain_remove(&first, slot);
	head->leaf = (uintptr_t)first | (linked ? LINKED : 0);
	return true;
}

pte_t *leaf_next(const struct page *head, const pte_t *slot)
{
	if (!slot)
		return first_leaf(head);
	return head->leaf & LINKED ? link_of(slot)->next : NULL;
}

unsigned leaf_count(const struct page *head)
{
	unsigned n = 0;

	for (const pte_t *slot = leaf_next(head, NULL); slot; slot = leaf_next(head, slot))
		n++;
	return n;
}

/* ---- leaves come and go ---- */

/* The pages of an object that a leaf maps know only how many leaves there are. */
static void count_leaf(struct page *head, int n)
{
	if (head->kind == PAGE_FILE)
		__atomic_fetch_add(&head->leaves, (uint64_t)n, __ATOMIC_RELAXED);
}

/* The entry under the cursor is about to become the first leaf that names head, a block of any order. */
static void leaf_first(struct cursor *c, struct page *head, unsigned prot)
{
	c->as->huge = true;
	table_count(c->table, head, 1);
	block_lock(head);
	if (head->kind == PAGE_ANON) {
		assert(!head->slots && head->order);
		head->leaf = (uintptr_t)c->slot;
		head->index = c->va >> PAGE_SHIFT;
	}
	if (prot & PROT_LOCKED)
		block_add_locked(head, 1);
	block_add_slots(head, 1);
	block_unlock(head);
	count_leaf(head, 1);
}

void leaf_map(struct cursor *c, struct page *head, unsigned prot)
{
	table_entry_added(c->table, slot_index(c->slot));
	leaf_first(c, head, prot);
	pte_write_new(c->slot, page_leaf(head, c->level, prot));
	if (head->kind == PAGE_ANON && head->order == ORDER_HUGE)
		block_list(head);
}

void leaf_replace(struct cursor *c, struct page *head, unsigned prot, struct gather *g)
{
	bool full;

	assert(!gather_owners_full(g));
	cursor_clear(c, g, &full);
	leaf_map(c, head, prot);
}

void leaf_drop(struct page *t, struct page *head, pte_t *slot, pte_t e)
{
	table_count(t, head, -1);
	count_leaf(head, -1);
	if (head->kind == PAGE_FILE && pte_dirty(e))
		block_set_flag(head, PG_DIRTY);
	block_lock(head);
	if (e.v & PTE_LOCKED)
		block_add_locked(head, -1);
	block_add_slots(head, -1);
	if (head->kind == PAGE_ANON && !leaf_unlink(head, slot) && !block_is_whole(head))
		block_unmix(head);
	block_unlock(head);
}

pte_t leaf_twin(pte_t *slot, pte_t *twin)
{
	pte_t e = pte_read(slot);
	struct page *head;

	if (pte_is_none(e) || !(head = entry_page(e)))
		return e;
	if (pte_writable(e)) {
		__atomic_fetch_and(&slot->v, ~PTE_W, __ATOMIC_ACQ_REL);
		e = pte_read(slot);
	}
	block_lock(head);
	block_add_slots(head, 1);
	block_add_refs(head, 1);
	if (head->kind == PAGE_ANON)
		leaf_link(head, twin);
	block_unlock(head);
	return e;
}

void leaf_moved(pte_t e, pte_t *src, pte_t *dst)
{
	struct page *head = entry_page(e);
	pte_t *first;

	if (!head || head->kind != PAGE_ANON)
		return;
	block_lock(head);
	first = dst;
	if (head->leaf & LINKED) {
		first = first_leaf(head);
		chain_replace(&first, src, dst);
	}
	head->leaf = (uintptr_t)first | (head->leaf & LINKED);
	block_unlock(head);
}

void leaf_lock(pte_t e, bool lock)
{
	struct page *head = entry_page(e);

	block_lock(head);
	block_add_locked(head, lock ? 1 : -1);
	block_unlock(head);
}

/* ---- splits ---- */

/* All 512 entries: of the frames that e, a huge entry, maps; of zeros the small page of zeros. */
static void fill(struct page *t, pte_t e)
{
	const bool zeros = e.v & PTE_SPECIAL;
	uint64_t bits = e.v & ~(PTE_PS | PTE_ADDR_MASK), at = e.v & PTE_ADDR_MASK;
	pte_t *tab = table_entries(t);

	for (unsigned i = 0; i < PT_ENTRIES; i++, at += PAGE_SIZE)
		tab[i].v = bits | (zeros ? pfn_to_paddr(zero_pfn).v : at);
	table_entries_added(t, 0, PT_ENTRIES, PT_ENTRIES);
}

/* The slot of p that a leaf had is *slot now; others that it has are of a family with this one's table. */
static void anchor(struct page *p, pte_t *slot)
{
	pte_t *other = READ_ONCE(p->slot);

	if (other)
		kin_join(virt_to_page(other), virt_to_page(slot));
	else
		__atomic_store_n(&p->slot, slot, __ATOMIC_RELEASE);
}

/* The leaf at slot leaves its block, whose pages t, filled and locked, names in its place. */
static void leave_block(struct page *head, pte_t *slot, struct page *t)
{
	pte_t *tab = table_entries(t);
	bool more;

	block_lock(head);
	more = leaf_unlink(head, slot);
	if (block_is_whole(head))
		block_scatter(head, more);
	for (unsigned i = 0; i < PT_ENTRIES; i++)
		anchor(&head[i], &tab[i]);
	if (!more)
		block_unmix(head);
	block_unlock(head);
}

/* The table comes into the place of the leaf e, with A and D as the leaf has them at last. */
static void exchange(pte_t *slot, pte_t e, struct page *t)
{
	const uint64_t bits = PTE_A | PTE_D;
	pte_t *tab = table_entries(t), was = e;

	while (!pte_cmpxchg(slot, &e, pte_table(page_to_pfn(t), true)))
		;
	for (unsigned i = 0; i < PT_ENTRIES && (was.v ^ e.v) & bits; i++)
		__atomic_fetch_or(&tab[i].v, e.v & bits, __ATOMIC_RELAXED);
}

void leaf_split(struct page *upper, pte_t *slot, struct page *t)
{
	pte_t e = pte_read(slot);
	struct page *head = entry_slot_page(e, 2);

	assert(upper->level == 2 && !upper->shared && !pte_is_none(e));
	assert(!head || head->kind == PAGE_ANON || head->kind == PAGE_FILE);
	table_init(t, upper->as, 1, upper->base + slot_index(slot) * LEVEL_SIZE(2));
	t->owner_slot = slot;
	fill(t, e);
	spin_lock(&t->lock);
	if (head) {
		if (head->kind == PAGE_ANON)
			leave_block(head, slot, t);
		count_leaf(head, -1);
		table_count(t, head, PT_ENTRIES);
		table_count(upper, head, -1);
	}
	exchange(slot, e, t);
	__atomic_fetch_add(&upper->as->table_bytes, PAGE_SIZE, __ATOMIC_RELAXED);
	spin_unlock(&t->lock);
	vm_count(THP_SPLIT_PMD, 1);
}

void cursor_split(struct cursor *c, struct page *t, struct gather *g)
{
	leaf_split(c->table, c->slot, t);
	gather_leaves(g, c->va, LEVEL_SIZE(2), 2);
}

/* An explicit huge page is never split. */
static bool is_explicit(pte_t e)
{
	const struct page *head = entry_slot_page(e, 2);

	return head && head->kind == PAGE_HUGETLB;
}

/* Stands on the huge entry of 2 MB at va, in a table of as's own, locked; 1. 0: there is none. -errno. */
static int open_leaf(struct cursor *c, struct aspace *as, vaddr_t va)
{
	int err;

	cursor_find(c, as, va, 1);
	if (c->level == 1 || pte_is_none(cursor_get(c))) {
		cursor_close(c);
		return 0;
	}
	cursor_close(c);
	if (c->level > 2)
		return -EINVAL;
	err = cursor_open(c, as, va, 2);
	if (err)
		return err;
	if (pte_kind(cursor_get(c), 2) != PTE_TABLE && !pte_is_none(cursor_get(c)))
		err = is_explicit(cursor_get(c)) ? -EINVAL : 1;
	if (err <= 0)
		cursor_close(c);
	return err;
}

int pt_split(struct aspace *as, vaddr_t va)
{
	struct page *t = NULL;
	struct gather g;
	struct cursor c;
	int err;

	gather_init_for(&g, as, FLUSH_SPLIT);
	err = open_leaf(&c, as, va);
	if (err > 0) {
		cursor_close(&c);
		t = table_alloc(0);
		err = t ? open_leaf(&c, as, va) : -ENOMEM;
	}
	if (err > 0) {
		cursor_split(&c, t, &g);
		t = NULL;
		cursor_close(&c);
		err = 0;
	}
	if (t)
		page_free(t, 0);
	gather_finish(&g);
	return err;
}

/* Where the lowest entry that there is on the way to va begins: a huge one, or another. */
static vaddr_t leaf_start(struct aspace *as, vaddr_t va, bool *huge)
{
	struct cursor c;

	cursor_find(&c, as, va, 1);
	*huge = c.level > 1 && !pte_is_none(cursor_get(&c));
	cursor_close(&c);
	return c.va;
}

static int split_edge(struct aspace *as, vaddr_t va)
{
	bool huge;

	if (IS_ALIGNED(va, LEVEL_SIZE(3)))
		return 0;
	return leaf_start(as, va, &huge) < va && huge ? pt_split(as, va) : 0;
}

int pt_split_edges(struct aspace *as, vaddr_t start, vaddr_t end)
{
	int err = as->huge ? split_edge(as, start) : 0;

	if (!err && as->huge)
		err = split_edge(as, end);
	return err;
}

int pt_split_range(struct aspace *as, vaddr_t start, vaddr_t end)
{
	int err = 0;
	bool huge;

	for (vaddr_t va = start; as->huge && va < end && !err; va = span_end(va, 2, end)) {
		leaf_start(as, va, &huge);
		err = huge ? pt_split(as, va) : 0;
	}
	return err;
}

/* ---- verification ---- */

/* Is slot in the list of leaves, and all that are there name the block? */
static const char *check_list(const struct page *head, const pte_t *slot)
{
	const pte_t *prev = NULL;
	bool found = false;

	if (!(head->leaf & LINKED))
		return first_leaf(head) == slot ? NULL : "a leaf that it does not know";
	for (const pte_t *s = first_leaf(head); s; prev = s, s = link_of(s)->next) {
		if (!entry_names(pte_read(s), head))
			return "a leaf in its list that names something else";
		if (link_of(s)->prev != prev)
			return "leaves linked wrongly";
		found |= s == slot;
	}
	if (prev == first_leaf(head))
		return "a list of one leaf";
	return found ? NULL : "not all of its leaves";
}

static const char *check_mixed(const struct page *head, unsigned leaves)
{
	for (const struct page *p = head; p < head + BLOCK_PAGES; p++)
		if (p->kind != PAGE_ANON || p->order || !(p->flags & PG_MIXED) ||
		    p->slots < leaves || p->refs < p->slots || !p->slot != (p->slots == leaves))
			return "a page that does not fit a mixed block";
	return NULL;
}

const char *leaf_verify(const struct page *head, const pte_t *slot)
{
	const char *why = check_list(head, slot);

	if (why)
		return why;
	if (!block_is_whole(head))
		return check_mixed(head, leaf_count(head));
	return head->slots == leaf_count(head) ? NULL : "a wrong count of leaves";
}
