/*
 * The pool: objects of equal size, a block of pages for some of them.
 *
 * An object of 1,400 bytes shall cost little more than that. Cutting single pages into equal parts does not do:
 * a page holds two of these, and a third of it is lost. So a block is one to four pages,
 * which need not lie together in memory but are one row of bytes: an object may begin at the end of
 * one and go on in the next. Of four pages, eleven such objects leave 6 percent.
 *
 * Sizes go in steps of 64 bytes, the object's header of 8 counted. For each, the number of pages that leaves
 * least is found at the start. Sizes that come to as many objects in as many pages are one
 * class, of the largest size that still does so: 48 sizes make 30 classes. What is lost on
 * average is half a step, the rest of a block (a tenth at most), and the places that are free. The last are filled first in the block that lost an
 * object last, which is nearly full still: so others can run empty, and an empty
 * block is given back at once. Nothing is ever moved.
 *
 * A block's record is the struct page of its first page (page.h, pool view); an object's number is
 * that page's frame number and its place in the block, so nothing is looked up. After Linux's zsmalloc.
 *
 * Locks: each class its own (RANK_POOL), for its lists, and for the marks and headers of its
 * blocks. An object's bytes are its owner's business: while he may look at it, he does not drop it.
 */
#include <mm/alloc/zpool.h>
#include <lib/assert.h>
#include <lib/format.h>
#include <lib/string.h>
#include <mm/alloc/page.h>

#include <asm-generic/errno-base.h>

#define STEP		64u
#define HEADER		8u			/* its tag << 12, and how many bytes it has */
#define SIZES		((ZPOOL_OBJECT_MAX + HEADER) / STEP)
#define PAGES_MAX	4u
#define PLACE_SHIFT	6
_Static_assert((ZPOOL_OBJECT_MAX + HEADER) % STEP == 0, "whole steps");

struct class {
	struct spinlock lock;
	uint16_t size;				/* const, as the next two */
	uint8_t pages, places;
	struct page_list room, full;		/* blocks with a free place; without, the oldest first */
} __attribute__((aligned(64)));

static struct class classes[SIZES];
static uint8_t class_of[SIZES];			/* of each size */
static uint64_t npages, max_pages, nobjects;	/* atomic */
static uint64_t clock;				/* atomic: counts blocks that became full */

/* ---- classes ---- */

static unsigned places_in(unsigned pages, unsigned size)
{
	return MIN(pages * (unsigned)PAGE_SIZE / size, ZPOOL_PLACES_MAX);
}

static void make_class(struct class *c, unsigned size)
{
	unsigned best = 1;

	for (unsigned n = 2; n <= PAGES_MAX; n++)	/* bytes used of a page */
		if (places_in(n, size) * best > places_in(best, size) * n)
			best = n;
	*c = (struct class){ .size = (uint16_t)size, .pages = (uint8_t)best,
			     .places = (uint8_t)places_in(best, size) };
	spin_init(&c->lock, RANK_POOL);
	TAILQ_INIT(&c->room);
	TAILQ_INIT(&c->full);
}

void zpool_init(void)
{
	for (unsigned i = SIZES; i-- > 0;) {
		make_class(&classes[i], (i + 1) * STEP);
		class_of[i] = (uint8_t)i;
		if (i + 1 < SIZES) {
			const struct class *larger = &classes[class_of[i + 1]];

			if (larger->pages == classes[i].pages && larger->places == classes[i].places)
				class_of[i] = class_of[i + 1];
		}
	}
	npages = nobjects = max_pages = 0;
}

void zpool_bound(uint64_t pages)
{
	WRITE_ONCE(max_pages, pages);
}

/* ---- places ---- */

/* Byte `at` of block b, and how many follow it in its page, itself counted. */
static char *byte_at(const struct page *b, unsigned at, unsigned *left)
{
	for (; at >= PAGE_SIZE; at -= (unsigned)PAGE_SIZE)
		b = b->pool_next;
	*left = (unsigned)PAGE_SIZE - at;
	return (char *)page_to_virt(b) + at;
}

/* A header lies in one page: sizes are multiples of more than it has. */
static uint64_t *header_at(const struct page *b, unsigned place)
{
	unsigned left;

	return (uint64_t *)byte_at(b, place * classes[b->pool_class].size, &left);
}

static struct page *block_of(uint64_t object)
{
	return pfn_to_page(pfn(object >> PLACE_SHIFT));
}

static unsigned place_of(uint64_t object)
{
	return object & (ZPOOL_PLACES_MAX - 1);
}

static uint64_t all_places(const struct class *c)
{
	return ~0ull >> (ZPOOL_PLACES_MAX - c->places);
}

/* ---- blocks ---- */

static void free_block(struct page *b)
{
	unsigned n = 0;

	while (b) {
		struct page *next = b->pool_next;

		page_free(b, 0);
		b = next;
		n++;
	}
	__atomic_fetch_sub(&npages, n, __ATOMIC_RELAXED);
}

/* The other half of the reserve is for who needs a page to get rid of one. */
static struct page *take_page(void)
{
	return page_buddy_count() > page_min_mark() / 2 ? page_alloc(0, PAGE_KERNEL, ALLOC_RESERVE) : NULL;
}

static int make_block(const struct class *c, struct page **out)
{
	struct page *b = NULL;

	if (__atomic_add_fetch(&npages, c->pages, __ATOMIC_RELAXED) > READ_ONCE(max_pages)) {
		__atomic_fetch_sub(&npages, c->pages, __ATOMIC_RELAXED);
		return -ENOSPC;
	}
	for (unsigned i = 0; i < c->pages; i++) {
		struct page *p = take_page();

		if (!p) {
			__atomic_fetch_sub(&npages, c->pages - i, __ATOMIC_RELAXED);
			free_block(b);
			return -ENOMEM;
		}
		p->pool_next = b;
		b = p;
	}
	b->pool_used = 0;
	b->pool_class = (uint32_t)(c - classes);
	*out = b;
	return 0;
}

/* ---- objects ---- */

/* b, without a free place and on no list. Lock held. */
static void becomes_youngest(struct class *c, struct page *b)
{
	TAILQ_INSERT_TAIL(&c->full, b, pool_link);
	b->pool_age = __atomic_fetch_add(&clock, 1, __ATOMIC_RELAXED);
}

static unsigned take_place(struct class *c, struct page *b, uint64_t header)
{
	unsigned place = (unsigned)__builtin_ctzll(~b->pool_used);

	b->pool_used |= 1ull << place;
	*header_at(b, place) = header;
	if (b->pool_used == all_places(c)) {
		TAILQ_REMOVE(&c->room, b, pool_link);
		becomes_youngest(c, b);
	}
	return place;
}

static void fill(const struct page *b, unsigned at, const char *data, unsigned n)
{
	for (unsigned left; n; n -= left, at += left, data += left) {
		char *to = byte_at(b, at, &left);

		left = MIN(left, n);
		memcpy(to, data, left);
	}
}

int zpool_add(const void *data, unsigned n, uint64_t tag, uint64_t *object)
{
	struct class *c = &classes[class_of[(n + HEADER - 1) / STEP]];
	struct page *b, *fresh = NULL;
	unsigned place;
	int err;

	assert(n > 0 && n <= ZPOOL_OBJECT_MAX && tag >> ZPOOL_TAG_BITS == 0);
	spin_lock(&c->lock);
	b = TAILQ_FIRST(&c->room);
	if (!b) {
		spin_unlock(&c->lock);
		err = make_block(c, &fresh);
		if (err)
			return err;
		spin_lock(&c->lock);
		b = fresh;
		TAILQ_INSERT_HEAD(&c->room, b, pool_link);
	}
	place = take_place(c, b, tag << (64 - ZPOOL_TAG_BITS) | n);
	spin_unlock(&c->lock);
	fill(b, place * c->size + HEADER, data, n);
	__atomic_fetch_add(&nobjects, 1, __ATOMIC_RELAXED);
	*object = page_to_pfn(b).v << PLACE_SHIFT | place;
	return 0;
}

const void *zpool_look(uint64_t object, void *scratch, unsigned *n)
{
	const struct page *b = block_of(object);
	unsigned at = place_of(object) * classes[b->pool_class].size + HEADER, left;
	const char *bytes;

	*n = *header_at(b, place_of(object)) & ((1u << (64 - ZPOOL_TAG_BITS)) - 1);
	bytes = byte_at(b, at, &left);
	if (left >= *n)
		return bytes;
	memcpy(scratch, bytes, left);
	memcpy((char *)scratch + left, byte_at(b, at + left, &(unsigned){ 0 }), *n - left);
	return scratch;
}

void zpool_drop(uint64_t object)
{
	struct page *b = block_of(object);
	struct class *c = &classes[b->pool_class];
	uint64_t bit = 1ull << place_of(object);
	bool empty;

	spin_lock(&c->lock);
	assert(b->pool_used & bit);
	TAILQ_REMOVE(b->pool_used == all_places(c) ? &c->full : &c->room, b, pool_link);
	b->pool_used &= ~bit;
	empty = !b->pool_used;
	if (!empty)
		TAILQ_INSERT_HEAD(&c->room, b, pool_link);
	spin_unlock(&c->lock);
	if (empty)
		free_block(b);
	__atomic_fetch_sub(&nobjects, 1, __ATOMIC_RELAXED);
}

static struct class *oldest_class(void)
{
	struct class *oldest = NULL;
	uint64_t age = ~0ull;

	for (struct class *c = classes; c < classes + SIZES; c++) {
		const struct page *b;

		spin_lock(&c->lock);
		b = TAILQ_FIRST(&c->full);
		if (b && b->pool_age < age) {
			age = b->pool_age;
			oldest = c;
		}
		spin_unlock(&c->lock);
	}
	return oldest;
}

unsigned zpool_oldest(uint64_t tag[ZPOOL_PLACES_MAX])
{
	struct class *c = oldest_class();
	unsigned n = 0;
	struct page *b;

	if (!c)
		return 0;
	spin_lock(&c->lock);
	b = TAILQ_FIRST(&c->full);
	if (b) {
		for (; n < c->places; n++)
			tag[n] = *header_at(b, n) >> (64 - ZPOOL_TAG_BITS);
		TAILQ_REMOVE(&c->full, b, pool_link);
		becomes_youngest(c, b);
	}
	spin_unlock(&c->lock);
	return n;
}

uint64_t zpool_pages(void)
{
	return READ_ONCE(npages);
}

uint64_t zpool_objects(void)
{
	return READ_ONCE(nobjects);
}

/* ---- mm_verify ---- */

struct found { uint64_t pages, objects; };

bool zpool_is(uint64_t object, uint64_t tag)
{
	const struct page *b = block_of(object);

	return pfn_valid(page_to_pfn(b)) && b->kind == PAGE_KERNEL && b->pool_class < SIZES &&
	       b->pool_used >> place_of(object) & 1 && *header_at(b, place_of(object)) >> (64 - ZPOOL_TAG_BITS) == tag;
}

static const char *check_block(const struct class *c, const struct page *b, bool full, struct found *f)
{
	unsigned n = 0;

	if (b->kind != PAGE_KERNEL || &classes[b->pool_class] != c)
		return "pool: a block is on another class's list";
	if (!b->pool_used || b->pool_used & ~all_places(c) || (b->pool_used == all_places(c)) != full)
		return "pool: a block is on the wrong list for the places that are taken";
	for (const struct page *p = b; p; p = p->pool_next)
		n++;
	if (n != c->pages)
		return "pool: a block has lost pages";
	f->pages += n;
	f->objects += (unsigned)__builtin_popcountll(b->pool_used);
	return NULL;
}

static const char *check_list(const struct class *c, const struct page_list *list, struct found *f)
{
	const char *bad = NULL;
	const struct page *b;

	TAILQ_FOREACH(b, list, pool_link) {
		bad = check_block(c, b, list == &c->full, f);
		if (bad)
			break;
	}
	return bad;
}

const char *zpool_verify(void)
{
	struct found f = { 0, 0 };
	const char *bad = NULL;

	for (const struct class *c = classes; c < classes + SIZES && c->size && !bad; c++) {
		bad = check_list(c, &c->room, &f);
		if (!bad)
			bad = check_list(c, &c->full, &f);
	}
	if (!bad && (f.pages != npages || f.objects != nobjects))
		bad = "pool: pages or objects on the lists are not as many as counted";
	return bad;
}
