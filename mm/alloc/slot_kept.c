/*
 * Slots whose content is kept in memory: how, in two bits of the slot's word, and in a second
 * word what. The second words of a cluster are a page that is made when the first of them is needed, with
 * the reserve, and goes with the area.
 *
 * What is kept goes when its slot is free, in the same moment: slot_freed asks for the two bits.
 *
 * Locks: the cluster's, as for all of the slot. Bits and word change only while somebody has the slot's
 * page busy (or nobody has the page), so who has it so can use the object without the lock.
 */
#include <mm/alloc/slot_map.h>
#include <mm/alloc/zpool.h>

static uint64_t nkept[SLOT_KEPT];	/* atomic */

static enum slot_kept how_kept(const struct slot *w)
{
	return (w->count & KEPT) >> KEPT_SHIFT;
}

static uint64_t *word_of(swp_t s, const struct cluster *c)
{
	return &c->kept[swp_offset(s) & (CLUSTER - 1)];
}

static bool has_words(struct cluster *c)
{
	struct page *p;

	if (c->kept)
		return true;
	p = page_alloc(0, PAGE_KERNEL, ALLOC_RESERVE);
	if (p)
		c->kept = page_to_virt(p);
	return p;
}

/* The cluster, locked, and word of the slot whose page p is. */
static struct cluster *lock_slot_of(const struct page *p, struct slot **w)
{
	struct cluster *c = slot_find(p->swp, w);

	assert(c && page_of(*w) == p && p->flags & PG_BUSY);
	return c;
}

bool slot_keep(const struct page *p, enum slot_kept how, uint64_t word)
{
	struct slot *w;
	struct cluster *c = lock_slot_of(p, &w);
	bool done = has_words(c);

	assert(!(w->count & KEPT));
	if (done) {
		w->count |= how << KEPT_SHIFT;
		*word_of(p->swp, c) = word;
		__atomic_fetch_add(&nkept[how], 1, __ATOMIC_RELAXED);
	}
	spin_unlock(&c->lock);
	return done;
}

enum slot_kept slot_kept(swp_t s, uint64_t *word)
{
	enum slot_kept how = SLOT_ON_DEVICE;
	struct slot *w;
	struct cluster *c = slot_find(s, &w);

	if (!c)
		return how;
	how = how_kept(w);
	if (how)
		*word = *word_of(s, c);
	spin_unlock(&c->lock);
	return how;
}

void slot_unkeep_locked(swp_t s, struct cluster *c, struct slot *w)
{
	enum slot_kept how = how_kept(w);

	w->count &= ~KEPT;
	if (how == SLOT_PACKED)
		zpool_drop(*word_of(s, c));
	__atomic_fetch_sub(&nkept[how], 1, __ATOMIC_RELAXED);
}

void slot_unkeep(const struct page *p)
{
	struct slot *w;
	struct cluster *c = lock_slot_of(p, &w);

	assert(w->count & KEPT);
	slot_unkeep_locked(p->swp, c, w);
	spin_unlock(&c->lock);
}

uint64_t slots_kept(enum slot_kept how)
{
	return READ_ONCE(nkept[how]);
}

/* ---- mm_verify ---- */

bool slot_verify_kept(swp_t s, const struct slot *w, uint64_t found[SLOT_KEPT])
{
	const struct cluster *c = &areas[swp_device(s)].cluster[swp_offset(s) >> CLUSTER_SHIFT];
	enum slot_kept how = how_kept(w);

	if (!how)
		return true;
	found[how]++;
	return how < SLOT_KEPT && c->kept && (how != SLOT_PACKED || zpool_is(*word_of(s, c), s.v));
}

const char *slots_verify_kept(const uint64_t found[SLOT_KEPT])
{
	if (found[SLOT_FILLED] != nkept[SLOT_FILLED] || found[SLOT_PACKED] != nkept[SLOT_PACKED])
		return "swap: kept slots are not as many as counted";
	if (found[SLOT_PACKED] != zpool_objects())
		return "swap: the pool has objects that are no slot's";
	return NULL;
}
