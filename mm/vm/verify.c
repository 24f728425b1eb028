/*
 * mm_verify: do VMAs, tables, pages, objects and the allocators agree?
 *
 *	VMAs		sorted, apart, sums and counts right	vma_verify
 *	tables		counts and links against entries	pt_verify
 *	entries		inside a VMA, no right that it has not, of the kind of
 *			page that it maps; the zero page never writable
 *	locks		PTE_LOCKED wherever a VMA is locked and a page there; a page's
 *			nlocked = its locked entries
 *	pages		slots = entries that name it, over all address spaces;
 *			refs = slots, and one more if cached; an anonymous page knows one of its slots;
 *			a cached page is where its object's index says; or busy, being exchanged
 *	swap		a slot's count = entries that name it, of tables and objects; a page in the
 *			swap cache is not writable anywhere, and known by its slot; what zswap
 *			keeps is a slot's, and the pool has what that needs	slots_verify, zpool_verify
 *	objects		index against pages, counts		object_verify
 *	promises	what VMAs and objects were charged for is the whole
 *	zero page	still zero
 *	lists		those of reclaim against their flags	lists_verify
 *	allocators	page_verify, hugepool_verify, slab_verify; what pools promise: hugetlb_verify
 *
 * Entries are counted per page in the upper bits of page->flags, which are 0
 * before and after (PG_TALLY_SHIFT): nothing is allocated, so this can run
 * when there is no memory left. Everything is at rest: one CPU runs and does
 * not sleep, no other is in the kernel. It takes no lock and changes nothing
 * else.
 */
#include <mm/vm/verify.h>
#include <kernel/core/clock.h>
#include <lib/format.h>
#include <lib/log.h>
#include <mm/alloc/hugepool.h>
#include <mm/alloc/lists.h>
#include <mm/alloc/slab.h>
#include <mm/alloc/slots.h>
#include <mm/alloc/zpool.h>
#include <mm/pt/pt.h>
#include <mm/vm/hugetlb.h>
#include <mm/vm/mms.h>

#define PATIENCE	1000u		/* ms that an address space may take to end */
#define LINES_MAX	16u		/* on the log; the rest is counted */

void verify_bad(struct verify *v, const char *fmt, ...)
{
	char line[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (v->bad++ == 0 && v->n)
		snprintf(v->why, v->n, "%s", line);
	if (v->bad <= LINES_MAX)
		log_warn("mm_verify: %s", line);
}

void verify_bad_if(struct verify *v, const char *whose, const char *why)
{
	if (why)
		verify_bad(v, "%s%s", whose, why);
}

/* ---- what entries took out of counts ---- */

/* The slots that o's index names, out of their counts or back into them. */
static void tally_object(struct verify *v, struct object *o, bool out)
{
	uint64_t index = 0;
	swp_t s;

	for (; object_next_swapped(o, &index, &s); index++)
		if (!out)
			slot_restore(s);
		else if (!slot_tally(s))
			verify_bad(v, "object %p: page 0x%lx: a slot of swap that has no such entry", (void *)o,
				   index);
}

static void tally_objects(struct verify *v, bool out)
{
	struct object *o;

	TAILQ_FOREACH(o, &objects, all_link)
		if (!radix_verify(&o->pages))	/* else check_objects says so */
			tally_object(v, o, out);
}

static void restore_all(struct verify *v)
{
	struct mm *mm;

	tally_objects(v, false);
	TAILQ_FOREACH(mm, &mms, all_link)
		verify_restore(v, mm);
}

/* ---- pages ---- */

static bool is_object(struct verify *v, const struct object *o)
{
	const struct object *i = NULL;

	if (o == v->known)
		return true;
	TAILQ_FOREACH(i, &objects, all_link)
		if (i == o)
			break;
	if (i)
		v->known = i;
	return i;
}

static void check_cached(struct verify *v, uint64_t f, const struct page *p)
{
	const struct object *o = p->owner;

	if (!o) {
		if (p->slots)
			verify_bad(v, "frame 0x%lx: mapped, but of no object any more", f);
		return;
	}
	if (!(p->flags & (PG_UPTODATE | PG_BUSY)))
		verify_bad(v, "frame 0x%lx: cached, neither up to date nor busy", f);
	if (!is_object(v, o) || (radix_get(&o->pages, p->index) != p && !(p->flags & PG_BUSY)))
		verify_bad(v, "frame 0x%lx: not in its object's index", f);
}

static void check_swapcache(struct verify *v, uint64_t f, const struct page *p)
{
	if (!slot_caches(p->swp, p))
		verify_bad(v, "frame 0x%lx: in the swap cache, but not of its slot %u:0x%lx", f,
			   swp_device(p->swp), swp_offset(p->swp));
	if (!(p->flags & (PG_UPTODATE | PG_BUSY)))
		verify_bad(v, "frame 0x%lx: in the swap cache, neither up to date nor busy", f);
}

static void check_page(struct verify *v, uint64_t f, struct page *p)
{
	unsigned tally = p->flags >> PG_TALLY_SHIFT, cached;

	p->flags &= TALLY_ONE - 1;
	if (p->kind == PAGE_HUGETLB && (p->slots != tally || p->refs != p->slots + !!p->owner))
		verify_bad(v, "frame 0x%lx: huge page of %u slots and %u references, but %u entries name it",
			   f, p->slots, p->refs, tally);
	if (p->kind != PAGE_ANON && p->kind != PAGE_FILE) {
		if (tally && p->kind != PAGE_HUGETLB)
			verify_bad(v, "frame 0x%lx: of kind %u, and %u entries name it", f, p->kind,
				   tally);
		return;
	}
	if (p->slots != tally && tally < TALLY_MAX)
		verify_bad(v, "frame 0x%lx: %u slots, but %u entries name it", f, p->slots, tally);
	if (p->nlocked)
		verify_bad(v, "frame 0x%lx: its count of locked slots is off by %d", f,
			   (int)p->nlocked);
	cached = p->flags & PG_SWAPCACHE || (p->kind == PAGE_FILE && p->owner);
	if (p->flags & PG_BUSY ? p->refs < p->slots + cached : p->refs != p->slots + cached)
		verify_bad(v, "frame 0x%lx: %u slots%s and %u references", f, p->slots,
			   cached ? ", cached," : "", p->refs);
	if (p->flags & PG_SWAPCACHE)
		check_swapcache(v, f, p);
	else if (p->kind == PAGE_FILE)
		check_cached(v, f, p);
	else if (p->slots == 0 && !(p->flags & PG_BUSY))
		verify_bad(v, "frame 0x%lx: anonymous, and nobody maps it", f);
}

static void check_pages(struct verify *v)
{
	uint64_t end = early_ram_end() >> PAGE_SHIFT;

	for (uint64_t f = 0; f < end; f++)
		if (pfn_valid(pfn(f)))
			check_page(v, f, pfn_to_page(pfn(f)));
}

static void check_zero_page(struct verify *v)
{
	const uint64_t *word = phys_to_virt(pfn_to_paddr(zero_pfn));

	for (unsigned i = 0; i < PAGE_SIZE / sizeof(*word); i++) {
		if (!word[i])
			continue;
		verify_bad(v, "the zero page holds 0x%lx at %lu", word[i], i * sizeof(*word));
		return;
	}
}

static void check_objects(struct verify *v)
{
	struct object *o;

	TAILQ_FOREACH(o, &objects, all_link) {
		const char *why = object_verify(o);

		if (why)
			verify_bad(v, "%s (object %p)", why, (void *)o);
		if (o->ops->memory && !o->ops->huge)
			v->promised += o->promised ? o->promised : o->npages + o->nswapped;
	}
}

/* An address space that is being taken down has no VMAs any more, but entries still. */
static bool is_one_ending(void)
{
	const struct mm *mm;

	TAILQ_FOREACH(mm, &mms, all_link)
		if (!mm->refs)
			return true;
	return false;
}

/* The other CPUs stand still, none of their threads in the middle of such an end. */
static void come_to_rest(void)
{
	cpus_park();
	for (unsigned tries = 0; is_one_ending() && tries < PATIENCE; tries++) {
		cpus_release();
		sleep_ns(NS_PER_MS);
		cpus_park();
	}
}

unsigned mm_verify(char *why, size_t n)
{
	struct verify v = { .why = why, .n = n };
	struct mm *mm;

	if (n)
		why[0] = '\0';
	come_to_rest();
	TAILQ_FOREACH(mm, &mms, all_link)
		verify_mm(&v, mm);
	check_pages(&v);
	tally_objects(&v, true);
	verify_bad_if(&v, "", slots_verify());
	if (v.locked || slots_on)
		restore_all(&v);
	check_zero_page(&v);
	check_objects(&v);
	if (v.promised != commit_total())
		verify_bad(&v, "%lu pages promised, but VMAs and objects have %lu", commit_total(),
			   v.promised);
	verify_bad_if(&v, "kernel: ", pt_verify(&kernel_aspace));
	verify_bad_if(&v, "", page_verify());
	verify_bad_if(&v, "", zpool_verify());
	verify_bad_if(&v, "", lists_verify());
	verify_bad_if(&v, "", hugepool_verify());
	verify_bad_if(&v, "", hugetlb_verify());
	verify_bad_if(&v, "", slab_verify());
	cpus_release();
	return v.bad;
}
