/*
 * The radix tree of <mm/obj/radix.h>.
 *
 * A node of level 1 holds items, one of level n holds nodes of level n - 1;
 * the root's level is the tree's height. A tree of height h holds indices
 * below 64^h. Invariants: no node is empty, and the root of a tree higher
 * than 1 has something besides its slot 0, so that the tree is never higher
 * than it must be.
 *
 * Locks: the caller's. Nodes come from a slab cache, which never sleeps.
 */
#include <mm/obj/radix.h>
#include <lib/assert.h>
#include <mm/alloc/slab.h>

#include <linux/errno.h>

#define BITS		6
#define SLOTS		RADIX_ROW
#define HEIGHT_MAX	11		/* 11 * 6 >= 64 */
_Static_assert(SLOTS == 1u << BITS, "a row is a node");

struct node {
	uint64_t count;			/* slots that are not NULL */
	void *slot[SLOTS];
};

static struct kmem_cache *node_cache;

void radix_boot(void)
{
	node_cache = kmem_cache_create("radix_node", sizeof(struct node), 0);
}

static bool fits(const struct radix *r, uint64_t index)
{
	return r->height >= HEIGHT_MAX || index >> (BITS * r->height) == 0;
}

static unsigned slot_of(uint64_t index, unsigned level)
{
	return index >> (BITS * (level - 1)) & (SLOTS - 1);
}

/* The node of level 1 that has index; NULL: there is none. */
static __always_inline_ struct node *bottom(const struct radix *r, uint64_t index)
{
	struct node *n = r->root;

	if (!n || !fits(r, index))
		return NULL;
	for (unsigned level = r->height; level > 1 && n; level--)
		n = n->slot[slot_of(index, level)];
	return n;
}

void *radix_get(const struct radix *r, uint64_t index)
{
	struct node *n = bottom(r, index);

	return n ? n->slot[slot_of(index, 1)] : NULL;
}

void *const *radix_row(const struct radix *r, uint64_t index)
{
	struct node *n = bottom(r, index);

	return n ? n->slot : NULL;
}

/* Gives up a root that has nothing besides its slot 0, as often as there is one. */
static void lower(struct radix *r)
{
	struct node *n = r->root;

	while (r->height > 1 && n->count == 1 && n->slot[0]) {
		r->root = n->slot[0];
		r->height--;
		kmem_free(node_cache, n);
		n = r->root;
	}
}

/* Frees the empty nodes on the way to index. */
static void prune(struct radix *r, uint64_t index)
{
	struct node *path[HEIGHT_MAX + 1], *n = r->root;
	unsigned level = r->height;

	while (n) {
		path[level] = n;
		if (level == 1)
			break;
		n = n->slot[slot_of(index, level--)];
	}
	level = n ? 1 : level + 1;
	while (level <= r->height && path[level]->count == 0) {
		kmem_free(node_cache, path[level]);
		if (level++ == r->height) {
			r->root = NULL;
			r->height = 0;
			return;
		}
		path[level]->slot[slot_of(index, level)] = NULL;
		path[level]->count--;
	}
	lower(r);
}

/* Makes the tree high enough for index. */
static int grow(struct radix *r, uint64_t index)
{
	while (!r->root || !fits(r, index)) {
		struct node *top = kmem_zalloc(node_cache);

		if (!top)
			return -ENOMEM;
		if (r->root) {
			top->slot[0] = r->root;
			top->count = 1;
		}
		r->root = top;
		r->height++;
		if (top->count == 0)
			while (!fits(r, index))
				r->height++;
	}
	return 0;
}

int radix_insert(struct radix *r, uint64_t index, void *item)
{
	struct node *n;
	int err = grow(r, index);

	n = r->root;
	for (unsigned level = r->height; !err && level > 1; level--) {
		void **slot = &n->slot[slot_of(index, level)];

		if (!*slot) {
			*slot = kmem_zalloc(node_cache);
			if (!*slot)
				err = -ENOMEM;
			else
				n->count++;
		}
		n = *slot;
	}
	if (err) {
		prune(r, index);
		return err;
	}
	assert(item && !n->slot[slot_of(index, 1)]);
	n->slot[slot_of(index, 1)] = item;
	n->count++;
	return 0;
}

void radix_replace(struct radix *r, uint64_t index, void *item)
{
	struct node *n = r->root;

	assert(item && radix_get(r, index));
	for (unsigned level = r->height; level > 1; level--)
		n = n->slot[slot_of(index, level)];
	n->slot[slot_of(index, 1)] = item;
}

void *radix_remove(struct radix *r, uint64_t index)
{
	struct node *n = r->root;
	void *item = radix_get(r, index);

	if (!item)
		return NULL;
	for (unsigned level = r->height; level > 1; level--)
		n = n->slot[slot_of(index, level)];
	n->slot[slot_of(index, 1)] = NULL;
	n->count--;
	if (n->count == 0)
		prune(r, index);
	return item;
}

/* The first item at or after *index below n; NULL: none, and *index is the first one behind n. */
static void *next_below(const struct node *n, unsigned level, uint64_t *index)
{
	for (unsigned i = slot_of(*index, level); i < SLOTS; i++) {
		unsigned shift = BITS * (level - 1);
		void *got = n->slot[i];

		if (!got)
			*index = ((*index >> shift) + 1) << shift;
		else if (level == 1 || (got = next_below(got, level - 1, index)) != NULL)
			return got;
	}
	return NULL;
}

void *radix_next(const struct radix *r, uint64_t *index)
{
	if (!r->root || !fits(r, *index))
		return NULL;
	return next_below(r->root, r->height, index);
}

static const char *verify_below(const struct node *n, unsigned level)
{
	unsigned count = 0;
	const char *why = NULL;

	for (unsigned i = 0; i < SLOTS && !why; i++) {
		if (!n->slot[i])
			continue;
		count++;
		if (level > 1)
			why = verify_below(n->slot[i], level - 1);
	}
	if (!why && count == 0)
		why = "empty radix node";
	if (!why && count != n->count)
		why = "radix node's count is wrong";
	return why;
}

const char *radix_verify(const struct radix *r)
{
	if (!r->root != (r->height == 0))
		return "radix tree's height is wrong";
	if (!r->root)
		return NULL;
	if (r->height > HEIGHT_MAX)
		return "radix tree is too high";
	return verify_below(r->root, r->height);
}
