/*
 * Where an object is mapped: an interval tree of its mappings, by the pages
 * that they show, so that a truncate finds those that it touches and no
 * others. A red-black tree by first page; each node knows the greatest last
 * page below it.
 *
 * Mappings of the same first page stand in the order in which they came: a
 * fork adds the child's behind its parent's, so that a walk which takes pages
 * out meets the parent's entries before those that are copied from them.
 *
 * Only memory objects are cut short, and fork shares no table with entries of
 * theirs: what a truncate empties is the address space's own.
 *
 * Locks: o->maps_lock, sleeping, between the mm's and the tables'. A walk
 * holds it for reading while it empties ranges, so that no mapping (and no
 * address space) can go meanwhile. Reclaim and collapse come with pages busy, and only try it.
 */
#define RB_AUGMENT(m)	sum(m)
#define __unused	__attribute__((unused))

#include <mm/obj/object.h>
#include <lib/assert.h>
#include <mm/pt/pt.h>
#include <mm/pt/rmap.h>

#include <linux/errno.h>

static void sum(struct mapping *m);

static int mapping_cmp(const struct mapping *a, const struct mapping *b)
{
	return a->first < b->first ? -1 : 1;
}

RB_GENERATE_STATIC(mapping_tree, mapping, node, mapping_cmp)

static uint64_t last_below(const struct mapping *m)
{
	const struct mapping *l = RB_LEFT(m, node), *r = RB_RIGHT(m, node);
	uint64_t last = m->last;

	if (l)
		last = MAX(last, l->sub_last);
	if (r)
		last = MAX(last, r->sub_last);
	return last;
}

static void sum(struct mapping *m)
{
	m->sub_last = last_below(m);
}

static void sum_up(struct mapping *m)
{
	for (; m; m = RB_PARENT(m, node))
		sum(m);
}

void object_map(struct object *o, struct mapping *m)
{
	write_lock(&o->maps_lock);
	m->sub_last = m->last;
	RB_INSERT(mapping_tree, &o->maps, m);
	sum_up(m);
	o->nwriters += m->writes;
	write_unlock(&o->maps_lock);
}

/* The lowest node whose subtree another one loses when m goes. */
static struct mapping *lowest_changed(struct mapping *m)
{
	struct mapping *next;

	if (!RB_LEFT(m, node) || !RB_RIGHT(m, node))
		return RB_PARENT(m, node);
	next = RB_NEXT(mapping_tree, NULL, m);	/* takes m's place */
	return RB_PARENT(next, node) == m ? next : RB_PARENT(next, node);
}

void object_unmap(struct object *o, struct mapping *m)
{
	struct mapping *from;

	write_lock(&o->maps_lock);
	from = lowest_changed(m);
	RB_REMOVE(mapping_tree, &o->maps, m);
	sum_up(from);
	assert(o->nwriters >= m->writes);
	o->nwriters -= m->writes;
	write_unlock(&o->maps_lock);
}

int object_pin_writer(struct object *o)
{
	int err = 0;

	write_lock(&o->maps_lock);
	if (o->seals & (OBJECT_SEAL_WRITE | OBJECT_SEAL_FUTURE_WRITE))
		err = -EPERM;
	else
		o->nwriters++;
	write_unlock(&o->maps_lock);
	return err;
}

void object_unpin_writer(struct object *o)
{
	write_lock(&o->maps_lock);
	o->nwriters--;
	write_unlock(&o->maps_lock);
}

/* The first mapping at or below m, in order, that reaches page `first`. */
static struct mapping *first_reaching(struct mapping *m, uint64_t first)
{
	while (m && m->sub_last >= first) {
		struct mapping *l = RB_LEFT(m, node);

		if (l && l->sub_last >= first)
			m = l;
		else if (m->last >= first)
			return m;
		else
			m = RB_RIGHT(m, node);
	}
	return NULL;
}

/* The next one behind m. */
static struct mapping *next_reaching(struct mapping *m, uint64_t first)
{
	struct mapping *next = first_reaching(RB_RIGHT(m, node), first), *up;

	while (!next && (up = RB_PARENT(m, node)) != NULL) {
		if (RB_LEFT(up, node) == m)
			next = up->last >= first ? up : first_reaching(RB_RIGHT(up, node), first);
		m = up;
	}
	return next;
}

static void zap_mapping(const struct mapping *m, uint64_t first, uint64_t last)
{
	uint64_t from = MAX(first, m->first), to = MIN(last, m->last);
	struct gather g;

	gather_init_for(&g, m->as, FLUSH_TRUNCATE);
	pt_zap(m->as, m->start + ((from - m->first) << PAGE_SHIFT),
	       m->start + ((to + 1 - m->first) << PAGE_SHIFT), &g);
	gather_finish(&g);
}

void object_zap(struct object *o, uint64_t first, uint64_t last)
{
	struct mapping *m;

	read_lock(&o->maps_lock);
	m = first_reaching(RB_ROOT(&o->maps), first);
	for (; m && m->first <= last; m = next_reaching(m, first))
		zap_mapping(m, first, last);
	read_unlock(&o->maps_lock);
}

/* maps_lock held. */
static void zap_cached(struct object *o, uint64_t first, uint64_t last, enum flush_kind kind)
{
	struct mapping *m = first_reaching(RB_ROOT(&o->maps), first);
	struct gather g;

	for (; m && m->first <= last; m = next_reaching(m, first)) {
		uint64_t from = MAX(first, m->first) - m->first, to = MIN(last, m->last) + 1 - m->first;

		gather_init_for(&g, m->as, kind);
		pt_zap_cached(m->as, m->start + (from << PAGE_SHIFT), m->start + (to << PAGE_SHIFT), &g);
		gather_finish(&g);
	}
}

void object_zap_cached(struct object *o, uint64_t first, uint64_t last)
{
	read_lock(&o->maps_lock);
	zap_cached(o, first, last, FLUSH_TRUNCATE);
	read_unlock(&o->maps_lock);
}

bool object_zap_busy(struct object *o, uint64_t first, uint64_t last)
{
	if (!read_trylock(&o->maps_lock))
		return false;
	zap_cached(o, first, last, FLUSH_COLLAPSE);
	read_unlock(&o->maps_lock);
	return true;
}

bool object_next_promised(struct object *o, uint64_t *first, uint64_t last, uint64_t *end)
{
	struct mapping *m;

	read_lock(&o->maps_lock);
	m = first_reaching(RB_ROOT(&o->maps), *first);
	while (m && !m->promised)
		m = next_reaching(m, *first);
	if (m) {
		*first = MAX(*first, m->first);
		*end = MIN(last, m->last) + 1;
	}
	read_unlock(&o->maps_lock);
	return m && *first <= last;
}

static bool shows(const struct mapping *m, vaddr_t va, const struct page *p)
{
	struct cursor c;
	pte_t e;
	bool is;

	cursor_find(&c, m->as, va, 1);
	e = cursor_get(&c);
	is = pte_kind(e, c.level) != PTE_TABLE && !pte_is_none(e) && pte_pfn(e).v == page_to_pfn(p).v;
	cursor_close(&c);
	return is;
}

void object_zap_others(struct object *o, uint64_t index, const struct page *p, const struct aspace *as)
{
	struct mapping *m;

	read_lock(&o->maps_lock);
	m = first_reaching(RB_ROOT(&o->maps), index);
	for (; m && m->first <= index; m = next_reaching(m, index))
		if (m->as != as && shows(m, m->start + ((index - m->first) << PAGE_SHIFT), p))
			zap_mapping(m, index, index + (1ul << p->order) - 1);
	read_unlock(&o->maps_lock);
}

/* ---- from a page to its entries ---- */

/* Page p is at this address if m shows it there (a private mapping may have a copy). */
static vaddr_t address_in(const struct mapping *m, const struct page *p)
{
	return m->start + ((p->index - m->first) << PAGE_SHIFT);
}

/*
 * The object's mappings that cover p, up to where step says false. The page is busy, which
 * comes after maps_lock: hence a try.
 */
static bool for_each_mapping(struct page *p, bool (*step)(const struct mapping *m, struct page *p,
							  void *arg), void *arg)
{
	struct object *o = p->owner;
	struct mapping *m;
	bool go_on = true;

	if (!o || !read_trylock(&o->maps_lock))
		return false;
	m = first_reaching(RB_ROOT(&o->maps), p->index);
	for (; m && m->first <= p->index && go_on; m = next_reaching(m, p->index))
		go_on = step(m, p, arg);
	read_unlock(&o->maps_lock);
	return go_on;
}

static bool unmap_in(const struct mapping *m, struct page *p, void *arg)
{
	return rmap_unmap_at(m->as, address_in(m, p), p, arg);
}

bool object_unmap_page(struct page *p, struct reclaim_gather *r)
{
	assert(p->kind == PAGE_FILE);
	if (READ_ONCE(p->slots) && (READ_ONCE(p->nlocked) || !for_each_mapping(p, unmap_in, r)))
		return false;
	return !READ_ONCE(p->slots);
}

struct moving {
	struct page *to;
	bool arrived;
	struct reclaim_gather *r;
};

static bool move_in(const struct mapping *m, struct page *p, void *arg)
{
	const struct moving *w = arg;

	rmap_move_at(m->as, address_in(m, p), p, w->to, w->arrived, w->r);
	return true;
}

void object_move_entries(struct page *from, struct page *to, bool arrived, struct reclaim_gather *r)
{
	struct moving w = { to, arrived, r };

	assert(from->kind == PAGE_FILE && to->kind == PAGE_FILE && to->index == from->index);
	if (READ_ONCE(from->slots))
		for_each_mapping(from, move_in, &w);
}

static bool clear_in(const struct mapping *m, struct page *p, void *arg)
{
	unsigned *n = arg;

	*n += rmap_clear_young_at(m->as, address_in(m, p), p);
	return true;
}

unsigned object_clear_young(struct page *p)
{
	unsigned n = 0;

	assert(p->kind == PAGE_FILE);
	if (READ_ONCE(p->slots))
		for_each_mapping(p, clear_in, &n);
	return n;
}

const char *mapping_verify(struct object *o)
{
	struct mapping *m;
	uint64_t first = 0;
	unsigned writers = 0;

	RB_FOREACH(m, mapping_tree, &o->maps) {
		if (m->first < first || m->last < m->first)
			return "mappings of an object are out of order";
		if (m->sub_last != last_below(m))
			return "mapping tree's sums are wrong";
		first = m->first;
		writers += m->writes;
	}
	return writers == o->nwriters ? NULL : "object's count of writing mappings is wrong";
}
