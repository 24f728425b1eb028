// sources: tests/host/fake.c lib/lock.c mm/vm/vma.c mm/vm/vma_tree.c mm/vm/vma_lock.c mm/alloc/stat.c
/*
 * The VMA tree against a naive model: an array with one record per page. The
 * same random calls go to both; after each the answer, now and then the whole
 * tree, are compared. Neighbours that can be joined always are, so the model
 * also says how many VMAs there must be.
 *
 * The allocator is malloc here, so that ASan sees every VMA that is used
 * after it is freed, or never freed.
 */
#include <tests/host/fake.h>
#include <tests/host/tap.h>
#include <mm/alloc/slab.h>
#include <mm/obj/object.h>
#include <mm/vm/vma.h>
#include <string.h>

#define PAGES		1500u
#define BASE		0x10000ul
#define OPS		1000000u
#define OBJECTS		3u

/* ---- what vma.c calls ---- */

struct kmem_cache { size_t size; };
static struct kmem_cache cache;
static long allocated;
static bool fail_next;

struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align)
{
	(void)name, (void)align;
	cache.size = size;
	return &cache;
}

void *kmem_alloc(struct kmem_cache *c)
{
	if (fail_next) {
		fail_next = false;
		return NULL;
	}
	allocated++;
	return malloc(c->size);
}

void kmem_free(struct kmem_cache *c, void *obj)
{
	(void)c;
	allocated -= obj != NULL;
	free(obj);
}

void grace_call(struct grace_head *h, void (*fn)(struct grace_head *))
{
	fn(h);
}

uint64_t vm_max_map_count = VMAS_MAX;

void commit_release(uint64_t pages) { CHECK_EQ(pages, 0); }

void hugetlb_release(const struct vma *v, vaddr_t start, vaddr_t end) { (void)v, (void)start, (void)end; }
void object_map(struct object *o, struct mapping *m) { (void)o, (void)m; }
void object_unmap(struct object *o, struct mapping *m) { (void)o, (void)m; }

void object_put(struct object *o)
{
	__atomic_fetch_sub(&o->refs, 1, __ATOMIC_RELAXED);
}

/* ---- the model ---- */

struct record {
	bool used;
	unsigned flags;
	struct object *obj;
	uint64_t pgoff;
};

static struct record model[PAGES];
static struct object object[OBJECTS];
static struct mm mm;
static struct vma *dead;

static vaddr_t va_of(unsigned page) { return BASE + page * PAGE_SIZE; }
static unsigned page_of(vaddr_t va) { return (unsigned)((va - BASE) / PAGE_SIZE); }

static bool same_vma(unsigned a)	/* pages a and a + 1 */
{
	const struct record *r = &model[a];

	return r[0].used && r[1].used && r[0].flags == r[1].flags && r[0].obj == r[1].obj &&
	       (!r[0].obj || r[0].pgoff + 1 == r[1].pgoff);
}

static unsigned model_vmas(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < PAGES; i++)
		n += model[i].used && (i == 0 || !same_vma(i - 1));
	return n;
}

static bool model_free(unsigned from, unsigned n)
{
	while (n--)
		if (model[from + n].used)
			return false;
	return true;
}

/* The highest or lowest place for n pages in [low, high), or -1. */
static int model_gap(unsigned low, unsigned high, unsigned n, bool top)
{
	int found = -1;
	unsigned run = 0;

	for (unsigned i = low; i < high; i++) {
		run = model[i].used ? 0 : run + 1;
		if (run >= n && (top || found < 0))
			found = (int)(i + 1 - n);
	}
	return found;
}

static void start(void)
{
	memset(model, 0, sizeof(model));
	memset(object, 0, sizeof(object));
	memset(&mm, 0, sizeof(mm));
	RB_INIT(&mm.vmas);
	dead = NULL;
	vma_boot();
}

static void bury(void)
{
	vma_bury(dead);
	dead = NULL;
}

/* ---- comparing ---- */

static void compare_all(void)
{
	const char *why = vma_verify(&mm);
	unsigned refs[OBJECTS] = { 0 }, n = 0;

	if (why)
		printf("# %s\n", why);
	CHECK(!why);
	CHECK_EQ(mm.nvmas, model_vmas());
	for (struct vma *v = vma_first(&mm); v; v = vma_next(v)) {
		for (vaddr_t va = v->start; va < v->end; va += PAGE_SIZE, n++) {
			const struct record *r = &model[page_of(va)];

			CHECK(r->used && r->flags == v->flags && r->obj == v->obj);
			CHECK_EQ(vma_pgoff(v, va), r->obj ? r->pgoff : va >> PAGE_SHIFT);
		}
		if (v->obj)
			refs[v->obj - object]++;
	}
	for (unsigned i = 0; i < PAGES; i++)
		n -= model[i].used;
	CHECK_EQ(n, 0);
	for (unsigned i = 0; i < OBJECTS; i++)
		CHECK_EQ(object[i].refs, refs[i]);
	CHECK_EQ(allocated, mm.nvmas);
}

static void compare_find(unsigned page)
{
	struct vma *v = vma_find(&mm, va_of(page) + tap_below(PAGE_SIZE)), *by_hint;
	unsigned i = page;

	while (i < PAGES && !model[i].used)
		i++;
	CHECK(i < PAGES ? v && v->start <= va_of(i) && v->end > va_of(i) : !v);
	by_hint = vma_lookup(&mm, va_of(page));
	CHECK(by_hint == v);
	if (v)
		CHECK(!vma_next(v) || vma_prev(vma_next(v)) == v);
}

static void compare_gaps(void)
{
	unsigned low = (unsigned)tap_below(PAGES);
	unsigned high = low + (unsigned)tap_below(PAGES - low + 1);
	unsigned n = 1 + (unsigned)tap_below(tap_below(2) ? 8 : 64);
	struct vma *next;
	int top = model_gap(low, high, n, true), bottom = model_gap(low, high, n, false);

	CHECK_EQ(vma_gap_top(&mm, va_of(low), va_of(high), n * PAGE_SIZE, &next),
		 top < 0 ? 0 : va_of((unsigned)top));
	CHECK(top < 0 || next == vma_find(&mm, va_of((unsigned)top)));
	CHECK_EQ(vma_gap_bottom(&mm, va_of(low), va_of(high), n * PAGE_SIZE),
		 bottom < 0 ? 0 : va_of((unsigned)bottom));
}

/* ---- the calls ---- */

static void op_add(unsigned from, unsigned n)
{
	struct object *o = tap_below(2) ? &object[tap_below(OBJECTS)] : NULL;
	struct vma_spec s = {
		.start = va_of(from), .end = va_of(from + n), .obj = o,
		.flags = VM_READ | (unsigned)tap_below(2) * VM_WRITE,
		.pgoff = o ? from + tap_below(2) * 7 : 0,
	};
	struct vma *spare;

	if (!model_free(from, n))
		return;
	spare = vma_alloc();
	vma_add_joined(&mm, &s, &spare, &dead);
	vma_drop(spare);
	for (unsigned i = 0; i < n; i++)
		model[from + i] = (struct record){ true, s.flags, o, s.pgoff + i };
}

static void op_remove(unsigned from, unsigned n)
{
	vaddr_t start = va_of(from), end = va_of(from + n);
	struct vma *v = vma_find(&mm, start), *next;

	if (v && v->start < start && v->end > end)
		CHECK(vma_split(&mm, v, end) != NULL);
	for (; v && v->start < end; v = next) {
		next = vma_next(v);
		if (v->start < start)
			vma_resize(&mm, v, v->start, start);
		else if (v->end > end)
			vma_resize(&mm, v, end, v->end);
		else
			vma_kill(&mm, v, &dead);
	}
	memset(&model[from], 0, n * sizeof(*model));
}

/* New flags for [start, end) of v, as mprotect does it. */
static void change(struct vma *v, vaddr_t start, vaddr_t end, unsigned flags)
{
	if (v->end > end)
		CHECK(vma_split(&mm, v, end) != NULL);
	if (v->start < start)
		v = vma_split(&mm, v, start);
	vma_change_flags(&mm, v, flags);
	vma_join(&mm, v, &dead);
}

static void op_change(unsigned from, unsigned n)
{
	unsigned flags = VM_READ | (unsigned)tap_below(2) * VM_WRITE;
	vaddr_t at = va_of(from), end = va_of(from + n);
	struct vma *v;

	while (at < end && (v = vma_find(&mm, at)) != NULL && v->start < end) {
		vaddr_t stop = MIN(v->end, end);

		change(v, MAX(v->start, at), stop, flags);
		at = stop;
	}
	for (unsigned i = from; i < from + n; i++)
		if (model[i].used)
			model[i].flags = flags;
}

static void random_ops(void)
{
	start();
	for (unsigned i = 0; i < OPS; i++) {
		unsigned long full = mm.size_pages * 100 / PAGES;
		unsigned n = 1 + (unsigned)tap_below(tap_below(4) ? 4 : 40);
		unsigned from = (unsigned)tap_below(PAGES - n), what = (unsigned)tap_below(100);

		/* fills up and empties by turns, so that all shapes of tree are met */
		if (what < (i / 5000 % 2 || full < 20 ? 60 : 30))
			op_add(from, n);
		else if (what < 80)
			op_remove(from, n);
		else
			op_change(from, n);
		bury();
		compare_find((unsigned)tap_below(PAGES));
		compare_gaps();
		if (i % 97 == 0)
			compare_all();
		if (tap_fails)
			return;
	}
	op_remove(0, PAGES - 1);
	op_remove(PAGES - 1, 1);
	bury();
	compare_all();
	CHECK_EQ(allocated, 0);
}

/* Sums stay right through every shape that insertion in order and removal from an end make. */
static void in_order(void)
{
	start();
	for (unsigned i = 0; i < PAGES; i += 2) {
		struct vma_spec s = { va_of(i), va_of(i + 1), VM_READ, NULL, 0, NULL };
		struct vma *spare = vma_alloc();

		vma_add(&mm, &s, &spare);
		model[i] = (struct record){ true, VM_READ, NULL, 0 };
		if (i % 50 == 0)
			compare_all();
	}
	for (unsigned i = 0; i < PAGES; i++) {
		op_remove(i % 4 < 2 ? i : PAGES - 1 - i, 1);
		bury();
		if (i % 50 == 0)
			compare_all();
	}
	op_remove(0, PAGES);
	bury();
	CHECK_EQ(allocated, 0);
}

/* No room is found in a stack's guard gap, but what is mapped there by order is found. */
static void guard_gap(void)
{
	const unsigned gap = STACK_GUARD_GAP / PAGE_SIZE;
	struct vma_spec stack = { va_of(1000), va_of(1010), VM_READ | VM_GROWSDOWN, NULL, 0,
				  NULL };
	struct vma_spec inside = { va_of(900), va_of(901), VM_READ, NULL, 0, NULL };
	struct vma *spare, *next;

	start();
	spare = vma_alloc();
	vma_add(&mm, &stack, &spare);
	CHECK_EQ(vma_gap_top(&mm, BASE, va_of(1010), PAGE_SIZE, &next), va_of(1000 - gap - 1));
	CHECK_EQ(vma_gap_bottom(&mm, va_of(1000 - gap), va_of(1020), PAGE_SIZE), va_of(1010));
	CHECK_EQ(vma_gap_bottom(&mm, BASE, va_of(1020), (1000 - gap + 1) * PAGE_SIZE), 0);
	spare = vma_alloc();
	vma_add(&mm, &inside, &spare);
	CHECK(vma_find(&mm, va_of(900))->start == va_of(900));
	CHECK(!vma_verify(&mm));
	CHECK_EQ(vma_gap_top(&mm, BASE, va_of(1010), PAGE_SIZE, &next), va_of(1000 - gap - 1));
	vma_kill(&mm, vma_find(&mm, va_of(1000)), &dead);
	CHECK_EQ(vma_gap_top(&mm, BASE, va_of(1010), PAGE_SIZE, &next), va_of(1009));
	vma_kill(&mm, vma_find(&mm, va_of(900)), &dead);
	bury();
	CHECK_EQ(allocated, 0);
}

/* A split without memory changes nothing. */
static void split_fails(void)
{
	struct vma_spec s = { va_of(10), va_of(20), VM_READ, &object[0], 5, NULL };
	struct vma *spare, *v;

	start();
	spare = vma_alloc();
	v = vma_add(&mm, &s, &spare);
	fail_next = true;
	CHECK(!vma_split(&mm, v, va_of(15)));
	CHECK(v->start == s.start && v->end == s.end && mm.nvmas == 1 && object[0].refs == 1);
	CHECK(!vma_verify(&mm));
	vma_kill(&mm, v, &dead);
	bury();
	CHECK_EQ(object[0].refs, 0);
}

/* vma_verify notices what is wrong with a tree. */
static void verify_finds(void)
{
	struct vma *v;

	start();
	for (unsigned i = 0; i < 40; i += 2)
		op_add(i, 1);
	CHECK(!vma_verify(&mm));
	v = RB_ROOT(&mm.vmas);
	v->gap_max++;
	CHECK(strstr(vma_verify(&mm), "sums"));
	v->gap_max--;
	v->end += 2 * PAGE_SIZE;
	CHECK(vma_verify(&mm));
	v->end -= 2 * PAGE_SIZE;
	mm.size_pages++;
	CHECK(strstr(vma_verify(&mm), "sizes"));
	mm.size_pages--;
	mm.data_pages++;
	CHECK(strstr(vma_verify(&mm), "data"));
	mm.data_pages--;
	mm.locked_pages++;
	CHECK(strstr(vma_verify(&mm), "locked"));
	mm.locked_pages--;
	mm.nvmas++;
	CHECK(strstr(vma_verify(&mm), "count"));
	mm.nvmas--;
	CHECK(!vma_verify(&mm));
	op_remove(0, 40);
	bury();
}

int main(void)
{
	TAP_RUN(in_order);
	TAP_RUN(guard_gap);
	TAP_RUN(split_fails);
	TAP_RUN(verify_finds);
	TAP_RUN(random_ops);
	return tap_done();
}
