// sources: tests/host/fake.c tests/host/fake_ram.c tests/host/fake_tlb.c tests/host/fake_core.c lib/lock.c
// sources: mm/alloc/early.c mm/alloc/rangeset.c mm/alloc/buddy.c mm/alloc/pageblock.c mm/alloc/percpu.c mm/alloc/page.c mm/alloc/hugepool.c mm/alloc/limit.c mm/alloc/lists.c mm/alloc/slots.c mm/alloc/slot_kept.c mm/alloc/slot_area.c mm/alloc/zpool.c
// sources: mm/alloc/junk.c mm/alloc/stat.c mm/alloc/block.c mm/alloc/verify.c
// sources: mm/pt/[!k]*.c
/*
 * Page tables on the fake machine: first what each call does, by hand; then
 * random calls on several address spaces at 4 and 5 levels against a naive
 * model (per address: which page, which rights), while the fake CPUs read,
 * write, execute, walk ahead and keep all that they ever saw.
 */
#include <tests/host/pt_machine.h>
#include <errno.h>
#include <string.h>

/* Nobody waits for a page here. */
void page_wake_busy(struct page *p)
{
	(void)p;
}

/* ---- by hand ---- */

static void minimal(unsigned levels)
{
	const vaddr_t va = 0x7f1234567000;
	struct aspace as;
	unsigned l;
	struct page *p;

	machine(levels, 1, 64 << 20);
	aspace_start(&as);
	aspace_destroy(&as);	/* its root, full of junk now, is the next frame given out */
	aspace_start(&as);
	check_verify(&as);
	CHECK_EQ(tables(&as), 0);
	p = map(&as, va, 1, PAGE_ANON, RWU);
	CHECK_EQ(tables(&as), levels - 1);	/* with the root: 4 tables for one page */
	CHECK_EQ(pte_pfn(pt_lookup(&as, va, &l)).v, page_to_pfn(p).v);
	CHECK_EQ(l, 1);
	CHECK(pte_is_none(pt_lookup(&as, va + PAGE_SIZE, &l)));
	CHECK(p->slots == 1 && p->refs == 1 && p->index == va >> PAGE_SHIFT);
	check_verify(&as);
	map(&as, va + PAGE_SIZE, 1, PAGE_ANON, RWU);
	CHECK_EQ(tables(&as), levels - 1);
	zap(&as, va, va + PAGE_SIZE);
	CHECK_EQ(tables(&as), levels - 1);
	zap(&as, va + PAGE_SIZE, va + 2 * PAGE_SIZE);
	CHECK_EQ(tables(&as), 0);
	aspace_end(&as);
	machine_end();
}
BOTH(minimal)

static void sizes(unsigned levels)
{
	struct aspace as;
	struct aspace_counts n;
	struct page *p;
	pfn_t f;

	machine(levels, 1, 6ul << 30);
	aspace_start(&as);
	aspace_load(&as);
	for (unsigned l = 1; l <= 3; l++) {
		vaddr_t va = l * LEVEL_SIZE(4) - LEVEL_SIZE(l);

		p = map(&as, va, l, PAGE_ANON, RWU);
		CHECK(fake_access(va + LEVEL_SIZE(l) - 1, ACCESS_USER | ACCESS_WRITE, &f));
		CHECK_EQ(f.v, page_to_pfn(p).v + (LEVEL_SIZE(l) >> PAGE_SHIFT) - 1);
		CHECK(!fake_access(va, ACCESS_USER | ACCESS_EXEC, &f));
		CHECK(!fake_access(va - 1, ACCESS_USER, &f));
	}
	CHECK_EQ(tables(&as), levels - 4 + 3 + 2 + 1);
	check_verify(&as);
	aspace_count(&as, &n);
	CHECK_EQ(n.anon, 1 + 512 + 512 * 512);
	zap(&as, 2 * LEVEL_SIZE(4) - PAGE_SIZE, 2 * LEVEL_SIZE(4));
	CHECK(fake_access(2 * LEVEL_SIZE(4) - 1, ACCESS_USER, &f));	/* a leaf that lies across an end stays */
	zap(&as, 0, 4 * LEVEL_SIZE(4));
	CHECK_EQ(tables(&as), 0);
	CHECK(!fake_access(LEVEL_SIZE(4) - 1, ACCESS_USER, &f));
	aspace_end(&as);
	machine_end();
}
BOTH(sizes)

/* Every allocation on the way fails once: nothing is left locked, nothing is lost. */
static void out_of_memory(unsigned levels)
{
	const vaddr_t va = 0x123456789000;
	struct aspace as;
	struct cursor c;

	machine(levels, 1, 64 << 20);
	page_fail_nth = 1;
	CHECK_EQ(aspace_init(&as), -ENOMEM);
	aspace_start(&as);
	for (unsigned n = 1; n < levels; n++) {
		page_fail_nth = n;
		CHECK_EQ(cursor_open(&c, &as, va, 1), -ENOMEM);
		CHECK_EQ(page_fail_nth, 0);
		check_verify(&as);
		CHECK_EQ(tables(&as), 0);	/* all of them are hung in, or none */
	}
	aspace_end(&as);
	machine_end();
}
BOTH(out_of_memory)

static void in_the_way(unsigned levels)
{
	const vaddr_t va = 3ul << 30;
	struct aspace as;
	struct cursor c;

	machine(levels, 1, 64 << 20);
	aspace_start(&as);
	map(&as, va, 2, PAGE_ANON, RWU);
	CHECK_EQ(cursor_open(&c, &as, va + 5 * PAGE_SIZE, 1), -EEXIST);
	CHECK(c.level == 2 && c.va == va && pte_kind(cursor_get(&c), 2) == PTE_HUGE);
	cursor_close(&c);
	cursor_find(&c, &as, va + HUGE_SIZE, 1);
	CHECK(c.level == 2 && c.va == va + HUGE_SIZE && pte_is_none(cursor_get(&c)));
	cursor_close(&c);
	cursor_find(&c, &as, 0x700000000000, 1);
	CHECK(c.level == levels - (levels == 5));
	cursor_close(&c);
	aspace_end(&as);
	machine_end();
}
BOTH(in_the_way)

static void rights(unsigned levels)
{
	const vaddr_t va = 0x40000000, zva = va + PAGE_SIZE;
	struct aspace as;
	struct cursor c;
	struct gather g;
	struct page *p;
	unsigned l;
	pfn_t f;

	machine(levels, 1, 64 << 20);
	aspace_start(&as);
	aspace_load(&as);
	gather_init(&g, &as);
	p = map(&as, va, 1, PAGE_ANON, RWU);
	CHECK_EQ(cursor_open(&c, &as, zva, 1), 0);
	cursor_map_special(&c, zero_pfn, RU);
	cursor_close(&c);
	CHECK(fake_access(va, ACCESS_USER | ACCESS_WRITE, &f) && fake_access(zva, ACCESS_USER, &f));
	CHECK(!fake_access(zva, ACCESS_USER | ACCESS_WRITE, &f));

	pt_protect(&as, va, va + 2 * PAGE_SIZE, 0, &g);
	gather_flush(&g);
	check_tlb();
	CHECK_EQ(pte_kind(pt_lookup(&as, va, &l), 1), PTE_NOACCESS);
	CHECK(pte_dirty(pt_lookup(&as, va, &l)) && p->slots == 1);
	CHECK(!fake_access(va, 0, &f) && !fake_access(zva, 0, &f));
	check_verify(&as);

	pt_protect(&as, va, va + 2 * PAGE_SIZE, PROT_R | PROT_W | PROT_X, &g);
	CHECK_EQ(g.stale.end, 0);		/* rights that come need no flush */
	CHECK(fake_access(va, ACCESS_USER | ACCESS_EXEC, &f) && f.v == page_to_pfn(p).v);
	CHECK(fake_access(zva, ACCESS_USER | ACCESS_EXEC, &f) && f.v == zero_pfn.v);
	CHECK(!fake_access(va, ACCESS_USER | ACCESS_WRITE, &f));	/* the fault gives W */
	CHECK_EQ(cursor_open(&c, &as, va, 1), 0);
	cursor_protect(&c, RWU, &g);
	cursor_close(&c);
	CHECK(g.stale.end == va + PAGE_SIZE);	/* X went */
	gather_flush(&g);
	CHECK(fake_access(va, ACCESS_USER | ACCESS_WRITE, &f));
	CHECK(!fake_access(va, ACCESS_USER | ACCESS_EXEC, &f));

	pt_protect(&as, va, va + PAGE_SIZE, 0, &g);	/* a noaccess entry goes like any other */
	gather_flush(&g);
	aspace_end(&as);
	machine_end();
}
BOTH(rights)

/* Many more pages than a gather holds, over a table's end, with a hole. */
static void large_zap(unsigned levels)
{
	const vaddr_t va = (1ul << 39) - 100 * PAGE_SIZE;
	const unsigned n = 700;
	struct aspace as;
	struct aspace_counts k;

	machine(levels, 1, 64 << 20);
	aspace_start(&as);
	aspace_load(&as);
	for (unsigned i = 0; i < n; i++)
		if (i % 50)
			map(&as, va + i * PAGE_SIZE, 1, PAGE_ANON, RWU);
	aspace_count(&as, &k);
	CHECK_EQ(k.anon, n - n / 50);
	fake_speculate();
	zap(&as, va + PAGE_SIZE, va + (n - 1) * PAGE_SIZE);
	aspace_count(&as, &k);
	CHECK_EQ(k.anon, 1);
	aspace_end(&as);
	machine_end();
}
BOTH(large_zap)

/* A file page that was written through any mapping is dirty when the last entry has gone. */
static void dirty(unsigned levels)
{
	const vaddr_t va = 0x10000;
	struct aspace as;
	struct page *p;
	struct cursor c;
	struct gather g;
	pfn_t f;

	machine(levels, 1, 64 << 20);
	aspace_start(&as);
	aspace_load(&as);
	p = map(&as, va, 1, PAGE_FILE, RU);
	page_get(p);
	CHECK(fake_access(va, ACCESS_USER, &f));
	zap(&as, va, va + PAGE_SIZE);
	CHECK(!(p->flags & PG_DIRTY) && p->refs == 1 && p->slots == 0);
	page_get(p);
	gather_init(&g, &as);
	CHECK_EQ(cursor_open(&c, &as, va, 1), 0);
	cursor_map(&c, p, RU);
	cursor_protect(&c, RWU, &g);
	cursor_close(&c);
	CHECK(!pte_dirty(pt_lookup(&as, va, &(unsigned){ 0 })));
	CHECK(fake_access(va, ACCESS_USER | ACCESS_WRITE, &f));
	zap(&as, va, va + PAGE_SIZE);
	CHECK(p->flags & PG_DIRTY);
	page_put(p);
	aspace_end(&as);
	machine_end();
}
BOTH(dirty)

/* The kernel's range: global entries, tables of last and last but one level come and go. */
static void kernel_range(unsigned levels)
{
	static vaddr_t places[40];
	const vaddr_t va = KMAP_BASE + (5ul << 30) - 20 * PAGE_SIZE;
	uint64_t before;
	struct aspace as;
	struct gather g;
	pfn_t f;

	machine(levels, 1, 64 << 20);
	aspace_start(&as);
	aspace_load(&as);
	before = kernel_aspace.table_bytes;
	for (unsigned i = 0; i < 40; i++)
		places[i] = va + i * PAGE_SIZE;
	fake_speculate_at(places, 40);
	for (unsigned round = 0; round < 50; round++) {
		for (unsigned i = 0; i < 40; i++)
			map(&kernel_aspace, places[i], 1, PAGE_KERNEL,
			    PROT_R | PROT_G | (i % 2 ? 0 : PROT_W));
		CHECK_EQ(kernel_aspace.table_bytes, before + 4 * PAGE_SIZE);
		CHECK(fake_access(va, ACCESS_WRITE, &f) && !fake_access(va, ACCESS_USER, &f));
		fake_speculate();
		check_verify(&kernel_aspace);
		gather_init(&g, &kernel_aspace);
		CHECK(fake_access(va + PAGE_SIZE, 0, &f));
		pt_protect(&kernel_aspace, va + PAGE_SIZE, va + 2 * PAGE_SIZE, 0, &g);
		gather_flush(&g);
		check_tlb();
		CHECK(!fake_access(va + PAGE_SIZE, 0, &f));
		zap(&kernel_aspace, va, va + 20 * PAGE_SIZE);
		zap(&kernel_aspace, va + 20 * PAGE_SIZE, va + 40 * PAGE_SIZE);
		CHECK_EQ(kernel_aspace.table_bytes, before);
		CHECK(!fake_access(va, 0, &f));
		fake_grace_run();
	}
	check_verify(&as);
	aspace_end(&as);
	machine_end();
}
BOTH(kernel_range)

/* What another CPU has cached goes as well, of a program's memory and of the kernel's. */
static void other_cpus(unsigned levels)
{
	struct aspace as;
	pfn_t f;

	machine(levels, 3, 64 << 20);
	aspace_start(&as);
	map(&as, 0x10000, 1, PAGE_ANON, RWU);
	map(&kernel_aspace, KMAP_BASE, 1, PAGE_KERNEL, PROT_R | PROT_G);
	for (unsigned i = 0; i < 2; i++) {
		fake_on_cpu(i);
		aspace_load(&as);
		CHECK(fake_access(0x10000, ACCESS_USER, &f));
		CHECK(fake_access(KMAP_BASE, 0, &f));
	}
	fake_on_cpu(2);
	CHECK(fake_access(KMAP_BASE, 0, &f));
	zap(&as, 0x10000, 0x11000);
	zap(&kernel_aspace, KMAP_BASE, KMAP_BASE + PAGE_SIZE);
	for (unsigned i = 0; i < 3; i++) {
		fake_on_cpu(i);
		CHECK(!fake_access(0x10000, ACCESS_USER, &f));
		CHECK(!fake_access(KMAP_BASE, 0, &f));
		aspace_load(&kernel_aspace);
	}
	fake_on_cpu(0);
	fake_grace_run();
	aspace_end(&as);
	machine_end();
}
BOTH(other_cpus)

/* What must not be done is refused. */
static void refused(unsigned levels)
{
	struct aspace as;
	struct gather g;

	machine(levels, 2, 64 << 20);
	aspace_start(&as);
	map(&as, 0x10000, 1, PAGE_ANON, RWU);
	EXPECT_PANIC("root->used == 0", aspace_destroy(&as));
	gather_init(&g, &as);
	EXPECT_PANIC("g->stale.as == as", pt_zap(&kernel_aspace, KMAP_BASE, KMAP_BASE + PAGE_SIZE, &g));
	EXPECT_PANIC("pte_is_none", map(&as, 0x10000, 1, PAGE_ANON, RWU));
	aspace_end(&as);
	machine_end();
}
BOTH(refused)

/* ---- pt_verify finds what it is for ---- */

#define SPOILT(as, lvalue, value, what) \
	do { \
		__typeof__(((void)0, (lvalue))) was_ = (lvalue); \
		const char *why_; \
		(lvalue) = (value); \
		why_ = pt_verify(as); \
		if (!why_ || !strstr(why_, what)) \
			printf("# %s: pt_verify says %s\n", #lvalue, why_ ? why_ : "nothing"); \
		CHECK(why_ && strstr(why_, what)); \
		(lvalue) = was_; \
	} while (0)

static void verify_finds(unsigned levels)
{
	const vaddr_t va = 0x10000;
	struct aspace as;
	struct cursor c;
	struct page *p, *t;
	pte_t *slot;

	machine(levels, 1, 64 << 20);
	aspace_start(&as);
	p = map(&as, va, 1, PAGE_ANON, RWU);
	map(&as, va + 3 * PAGE_SIZE, 1, PAGE_FILE, RU);
	cursor_find(&c, &as, va, 1);
	t = c.table;
	slot = c.slot;
	cursor_close(&c);
	check_verify(&as);
	SPOILT(&as, t->used, 3, "used says 3, 2 are");
	SPOILT(&as, t->anon, 0, "not 1, 1, 0, 0");
	SPOILT(&as, t->file, 2, "not 1, 1, 0, 0");
	SPOILT(&as, t->swap, 1, "not 1, 1, 0, 0");
	SPOILT(&as, t->first, 17, "first 17");
	SPOILT(&as, t->last, 16, "last 16");
	SPOILT(&as, t->dead, 1, "dead");
	SPOILT(&as, t->level, 2, "level 2");
	SPOILT(&as, t->base, va, "its page says");
	SPOILT(&as, t->owner_slot, slot, "its page says");
	SPOILT(&as, t->kind, PAGE_KERNEL, "its page says");
	SPOILT(&as, t->lock.locked, 1, "locked");
	SPOILT(&as, p->slots, 0, "0 slots");
	SPOILT(&as, p->slots, 2, "2 slots, 1 refs");
	SPOILT(&as, p->slot, slot + 1, "does not know its slot");
	SPOILT(&as, p->kind, PAGE_TABLE, "kind");
	SPOILT(&as, slot->v, slot->v & ~PTE_U, "wrong half");
	SPOILT(&as, slot->v, 0x123000, "of no kind");
	SPOILT(&as, slot[1].v, slot->v, "");
	SPOILT(&as, slot[1].v, pte_special(zero_pfn, RU).v, "used says");
	SPOILT(&as, slot->v, slot->v | 1ul << 45, "no frame");
	SPOILT(&as, as.table_bytes, 0, "bytes of tables");
	SPOILT(&as, t->owner_slot->v, t->owner_slot->v & ~PTE_W, "bad upper entry");
	SPOILT(&as, table_entries(aspace_root(&as))[300].v, 1, "kernel's half");
	p->slots = p->refs = 2;
	SPOILT(&as, t->flags, t->flags, "writable, with 2 slots");
	p->slots = p->refs = 1;
	check_verify(&as);
	aspace_end(&as);
	machine_end();
}
BOTH(verify_finds)

#define RUN(name) \
	TAP_RUN(name##_4_levels); \
	TAP_RUN(name##_5_levels)

int main(void)
{
	RUN(minimal);
	RUN(sizes);
	RUN(out_of_memory);
	RUN(in_the_way);
	RUN(rights);
	RUN(large_zap);
	RUN(dirty);
	RUN(kernel_range);
	RUN(other_cpus);
	RUN(refused);
	RUN(verify_finds);
	return tap_done();
}
