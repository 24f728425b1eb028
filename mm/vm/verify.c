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
 *			a cached page is where its object's index says
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
#include <mm/vm/map.h>
#include <kernel/core/clock.h>
#include <lib/format.h>
#include <lib/log.h>
#include <mm/alloc/hugepool.h>
#include <mm/alloc/lists.h>
#include <mm/alloc/page.h>
#include <mm/alloc/slab.h>
#include <mm/alloc/slots.h>
#include <mm/alloc/zpool.h>
#include <mm/pt/huge.h>
#include <mm/vm/hugetlb.h>
#include <mm/vm/mms.h>

#define PATIENCE	1000u		/* ms that an address space may take to end */
#define LINES_MAX	16u		/* on the log; the rest is counted */
#define TALLY_ONE	(1u << PG_TALLY_SHIFT)
#define TALLY_MAX	(~0u >> PG_TALLY_SHIFT)

struct verify {
	char *why;			/* the first disagreement */
	size_t n;
	unsigned bad;
	struct mm *mm;			/* whose entries are being looked at */
	uint64_t anon, file, swap;	/* of it */
	uint64_t locked;		/* entries whose pages' nlocked is one lower now */
	uint64_t promised;		/* pages, by all VMAs and objects so far */
	const struct object *known;	/* the last one that was found in the list */
};

static void complain(struct verify *v, const char *fmt, ...) __printf(2, 3);
static void complain(struct verify *v, const char *fmt, ...)
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

/* What another check found: NULL, or a text. */
static void complain_of(struct verify *v, const char *whose, const char *why)
{
	if (why)
		complain(v, "%s%s", whose, why);
}

/* ---- entries against VMAs, counting them per page ---- */

/* Is e the entry of a page that reclaim was about to discard? */
static bool is_hidden(pte_t e)
{
	return !(e.v & PTE_SPECIAL) && pfn_valid(pte_pfn(e)) &&
	       pfn_to_page(pte_pfn(e))->flags & PG_LAZYFREE;
}

static void check_rights(struct verify *v, const struct vma *a, vaddr_t va, pte_t e)
{
	struct vma again = *a;

	vma_set_flags(&again, a->flags);
	if (again.prot != a->prot)
		complain(v, "0x%lx: VMA of flags %x gives its leaves rights %x", va, a->flags,
			 a->prot);
	if (pte_present(e) ? !(a->flags & VM_RIGHTS) : a->flags & VM_RIGHTS && !is_hidden(e))
		complain(v, "0x%lx: entry 0x%lx in a VMA of rights %x", va, e.v,
			 a->flags & VM_RIGHTS);
	if (!pte_present(e))
		return;
	if (!pte_user(e))
		complain(v, "0x%lx: entry 0x%lx is not the user's", va, e.v);
	if (pte_writable(e) && !(a->flags & VM_WRITE))
		complain(v, "0x%lx: entry 0x%lx is writable, its VMA is not", va, e.v);
	if (pte_exec(e) && arch_features.nx && !(a->flags & VM_EXEC))
		complain(v, "0x%lx: entry 0x%lx is executable, its VMA is not", va, e.v);
}

static void check_special(struct verify *v, const struct vma *a, vaddr_t va, unsigned level, pte_t e)
{
	if (pte_pfn(e).v != (level > 1 ? huge_zero_pfn : zero_pfn).v)
		complain(v, "0x%lx: special entry 0x%lx is not the zero page", va, e.v);
	if (pte_writable(e))
		complain(v, "0x%lx: the zero page is writable", va);
	if (e.v & PTE_LOCKED)
		complain(v, "0x%lx: the zero page is locked", va);
	if (a->obj)
		complain(v, "0x%lx: the zero page in a mapping of an object", va);
}

static void check_anon(struct verify *v, const struct vma *a, vaddr_t va, unsigned level,
		       const pte_t *slot, pte_t e, const struct page *p)
{
	v->anon += LEVEL_SIZE(level) >> PAGE_SHIFT;
	if (a->flags & VM_SHARED)
		complain(v, "0x%lx: anonymous page in a shared mapping", va);
	if (pte_writable(e) && p->slots > 1)
		complain(v, "0x%lx: writable, but its page has %u slots", va, p->slots);
	if (pte_writable(e) && p->flags & PG_SWAPCACHE)
		complain(v, "0x%lx: writable, but its page is in the swap cache", va);
	if (level == 1 && p->slots == 1 && p->slot != slot)
		complain(v, "0x%lx: anonymous page does not know its slot", va);
}

static void check_file(struct verify *v, const struct vma *a, vaddr_t va, unsigned level, pte_t e,
		       const struct page *p)
{
	const uint64_t n = LEVEL_SIZE(level) >> PAGE_SHIFT;
	bool right = a->obj;

	v->file += n;
	for (uint64_t i = 0; i < n && right; i++)
		right = p[i].owner == a->obj && p[i].index == vma_pgoff(a, va) + i;
	if (!right)
		complain(v, "0x%lx: page of a file or place that is not mapped here", va);
	if (pte_writable(e) && !(a->flags & VM_SHARED))
		complain(v, "0x%lx: cached page writable in a private mapping", va);
}

/* A table of several owners is counted once: for the first. */
static bool first_look(const struct verify *v, const pte_t *slot)
{
	return virt_to_page(slot)->as == &v->mm->as;
}

/* How many struct pages, from p on, count the slot of an entry that names p. */
static unsigned counts_of(const struct page *p, unsigned level)
{
	return level > 1 && !block_is_whole(p) ? BLOCK_PAGES : 1;
}

/* Is e locked as its VMA is? Takes it out of the count of locked ones: 0 must be left at the end. Tallies it. */
static void count_entry(struct verify *v, const struct vma *a, vaddr_t va, unsigned level, pte_t e,
			struct page *p)
{
	unsigned n = counts_of(p, level);

	if (!(e.v & PTE_LOCKED) != !(a->flags & VM_LOCKED))
		complain(v, "0x%lx: entry 0x%lx %s locked, its VMA %s", va, e.v,
			 e.v & PTE_LOCKED ? "is" : "is not",
			 a->flags & VM_LOCKED ? "is" : "is not");
	v->locked += e.v & PTE_LOCKED ? n : 0;
	for (const struct page *end = p + n; p < end; p++) {
		p->nlocked -= e.v & PTE_LOCKED ? 1 : 0;
		if (p->flags >> PG_TALLY_SHIFT < TALLY_MAX)
			p->flags += TALLY_ONE;
	}
}

/* A slot is named: 0 must be left of its count at the end. */
static void check_swap(struct verify *v, const struct vma *a, vaddr_t va, const pte_t *slot, pte_t e)
{
	v->swap++;
	if (a->flags & VM_SHARED)
		complain(v, "0x%lx: swap entry 0x%lx in a shared mapping", va, e.v);
	if (first_look(v, slot) && !slot_tally(pte_swp(e)))
		complain(v, "0x%lx: swap entry 0x%lx names a slot that has no such entry", va, e.v);
}

/* Back into the counts. */
static int restore_entry(void *arg, vaddr_t va, unsigned level, pte_t *slot, pte_t e)
{
	struct verify *v = arg;
	const struct vma *a = vma_find(v->mm, va);
	enum pte_kind k = pte_kind(e, level);
	struct page *p;

	if (k == PTE_SWAP && a && a->start <= va && first_look(v, slot))
		slot_restore(pte_swp(e));
	if (!(e.v & PTE_LOCKED) ||
	    (k != PTE_PRESENT && k != PTE_NOACCESS && k != PTE_MIGRATING && k != PTE_HUGE) ||
	    e.v & PTE_SPECIAL)
		return 0;
	if (!a || a->start > va || !pfn_valid(pte_pfn(e)) || !first_look(v, slot))
		return 0;
	p = pfn_to_page(pte_pfn(e));
	for (unsigned i = 0; i < counts_of(p, level); i++)
		p[i].nlocked++;
	return 0;
}

/* The slots that o's index names, out of their counts or back into them. */
static void tally_object(struct verify *v, struct object *o, bool out)
{
	uint64_t index = 0;
	swp_t s;

	for (; object_next_swapped(o, &index, &s); index++)
		if (!out)
			slot_restore(s);
		else if (!slot_tally(s))
			complain(v, "object %p: page 0x%lx: a slot of swap that has no such entry", (void *)o,
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
	tally_objects(v, false);
	TAILQ_FOREACH(v->mm, &mms, all_link)
		if (!vma_verify(v->mm))		/* else check_mm has taken nothing out */
			pt_walk(&v->mm->as, 0, mm_user_end(), restore_entry, v);
}

/* A leaf of an explicit huge page. */
static void check_hugetlb(struct verify *v, const struct vma *a, vaddr_t va, unsigned level, pte_t e,
			  const struct page *p)
{
	if (!(a->flags & VM_HUGETLB) || level != (a->flags & VM_HUGE_1G ? 3 : 2))
		complain(v, "0x%lx: entry 0x%lx of level %u in a VMA of flags 0x%x", va, e.v, level, a->flags);
	if (p->owner ? p->owner != huge_file(a->obj) || p->index != vma_pgoff(a, va) : a->flags & VM_SHARED)
		complain(v, "0x%lx: huge page of another object, or place in it", va);
	if (pte_writable(e) && !(a->flags & VM_SHARED) && (p->owner || p->slots > 1))
		complain(v, "0x%lx: writable, but its huge page is somebody else's, too", va);
}

/* A leaf or noaccess entry of any level, which lies in a, or at least meets it. */
static void check_entry(struct verify *v, const struct vma *a, vaddr_t va, unsigned level,
			const pte_t *slot, pte_t e)
{
	bool moving = pte_kind(e, 1) == PTE_MIGRATING;
	struct page *p;

	if (va < a->start || va + LEVEL_SIZE(level) > a->end)
		complain(v, "0x%lx: entry 0x%lx of level %u is not in one VMA", va, e.v, level);
	if (moving)
		e = pte_migrated(e);
	check_rights(v, a, va, e);
	if (e.v & PTE_SPECIAL) {
		check_special(v, a, va, level, e);
		return;
	}
	if (!pfn_valid(pte_pfn(e))) {
		complain(v, "0x%lx: entry 0x%lx names no frame of RAM", va, e.v);
		return;
	}
	p = pfn_to_page(pte_pfn(e));
	if (p->kind == PAGE_ANON)
		check_anon(v, a, va, level, slot, e, p);
	else if (p->kind == PAGE_FILE && moving && !p->owner)
		v->file++;		/* it was not moved in the end: a fault takes the entry out */
	else if (p->kind == PAGE_FILE)
		check_file(v, a, va, level, e, p);
	else if (p->kind == PAGE_HUGETLB)
		check_hugetlb(v, a, va, level, e, p);
	else
		complain(v, "0x%lx: entry 0x%lx names a page of kind %u", va, e.v, p->kind);
	if (first_look(v, slot))
		count_entry(v, a, va, level, e, p);
}

static int visit(void *arg, vaddr_t va, unsigned level, pte_t *slot, pte_t e)
{
	struct verify *v = arg;
	struct vma *a = vma_find(v->mm, va);

	if (!a || a->start >= va + LEVEL_SIZE(level)) {
		complain(v, "0x%lx: entry 0x%lx of level %u outside of every VMA", va, e.v, level);
		return 0;
	}
	switch (pte_kind(e, level)) {
	case PTE_TABLE:
		return 0;
	case PTE_PRESENT:
	case PTE_SPECIAL_LEAF:
	case PTE_NOACCESS:
	case PTE_HUGE:
	case PTE_MIGRATING:
		check_entry(v, a, va, level, slot, e);
		return 0;
	case PTE_SWAP:
		check_swap(v, a, va, slot, e);
		return 0;
	case PTE_NONE:
	case PTE_MARKER:
		break;
	}
	complain(v, "0x%lx: entry 0x%lx of a kind that nothing makes", va, e.v);
	return 0;
}

static void add_promises(struct verify *v, struct mm *mm)
{
	for (struct vma *a = vma_first(mm); a; a = vma_next(a))
		if (a->flags & VM_ACCOUNT)
			v->promised += vma_pages(a);
}

static void check_mm(struct verify *v, struct mm *mm)
{
	struct aspace_counts n;
	const char *why = vma_verify(mm);

	if (why) {		/* the tree cannot be relied on below */
		complain(v, "%s (mm %p)", why, (void *)mm);
		return;
	}
	add_promises(v, mm);
	v->mm = mm;
	v->anon = v->file = v->swap = 0;
	pt_walk(&mm->as, 0, mm_user_end(), visit, v);
	complain_of(v, "", pt_verify(&mm->as));
	aspace_count(&mm->as, &n);
	if (n.anon != v->anon || n.file + n.shmem != v->file)
		complain(v, "mm %p: %lu anonymous, %lu object pages by tables, %lu, %lu by entries",
			 (void *)mm, n.anon, n.file + n.shmem, v->anon, v->file);
	if (n.swap != v->swap)
		complain(v, "mm %p: %lu swap entries by tables, %lu by entries", (void *)mm, n.swap,
			 v->swap);
	if (n.table_pages * PAGE_SIZE != mm->as.table_bytes)
		complain(v, "mm %p: %lu table pages, but %lu bytes", (void *)mm, n.table_pages,
			 mm->as.table_bytes);
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
			complain(v, "frame 0x%lx: mapped, but of no object any more", f);
		return;
	}
	if (!(p->flags & (PG_UPTODATE | PG_BUSY)))
		complain(v, "frame 0x%lx: cached, neither up to date nor busy", f);
	if (!is_object(v, o) || radix_get(&o->pages, p->index) != p)
		complain(v, "frame 0x%lx: not in its object's index", f);
}

static void check_swapcache(struct verify *v, uint64_t f, const struct page *p)
{
	if (!slot_caches(p->swp, p))
		complain(v, "frame 0x%lx: in the swap cache, but not of its slot %u:0x%lx", f,
			 swp_device(p->swp), swp_offset(p->swp));
	if (!(p->flags & (PG_UPTODATE | PG_BUSY)))
		complain(v, "frame 0x%lx: in the swap cache, neither up to date nor busy", f);
}

static void check_page(struct verify *v, uint64_t f, struct page *p)
{
	unsigned tally = p->flags >> PG_TALLY_SHIFT, cached;

	p->flags &= TALLY_ONE - 1;
	if (p->kind == PAGE_HUGETLB && (p->slots != tally || p->refs != p->slots + !!p->owner))
		complain(v, "frame 0x%lx: huge page of %u slots and %u references, but %u entries name it",
			 f, p->slots, p->refs, tally);
	if (p->kind != PAGE_ANON && p->kind != PAGE_FILE) {
		if (tally && p->kind != PAGE_HUGETLB)
			complain(v, "frame 0x%lx: of kind %u, and %u entries name it", f, p->kind,
				 tally);
		return;
	}
	if (p->slots != tally && tally < TALLY_MAX)
		complain(v, "frame 0x%lx: %u slots, but %u entries name it", f, p->slots, tally);
	if (p->nlocked)
		complain(v, "frame 0x%lx: its count of locked slots is off by %d", f,
			 (int)p->nlocked);
	cached = p->flags & PG_SWAPCACHE || (p->kind == PAGE_FILE && p->owner);
	if (p->flags & PG_BUSY ? p->refs < p->slots + cached : p->refs != p->slots + cached)
		complain(v, "frame 0x%lx: %u slots%s and %u references", f, p->slots,
			 cached ? ", cached," : "", p->refs);
	if (p->flags & PG_SWAPCACHE)
		check_swapcache(v, f, p);
	else if (p->kind == PAGE_FILE)
		check_cached(v, f, p);
	else if (p->slots == 0 && !(p->flags & PG_BUSY))
		complain(v, "frame 0x%lx: anonymous, and nobody maps it", f);
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
		complain(v, "the zero page holds 0x%lx at %lu", word[i], i * sizeof(*word));
		return;
	}
}

static void check_objects(struct verify *v)
{
	struct object *o;

	TAILQ_FOREACH(o, &objects, all_link) {
		const char *why = object_verify(o);

		if (why)
			complain(v, "%s (object %p)", why, (void *)o);
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
		check_mm(&v, mm);
	check_pages(&v);
	tally_objects(&v, true);
	complain_of(&v, "", slots_verify());
	if (v.locked || slots_on)
		restore_all(&v);
	check_zero_page(&v);
	check_objects(&v);
	if (v.promised != commit_total())
		complain(&v, "%lu pages promised, but VMAs and objects have %lu", commit_total(),
			 v.promised);
	complain_of(&v, "kernel: ", pt_verify(&kernel_aspace));
	complain_of(&v, "", page_verify());
	complain_of(&v, "", zpool_verify());
	complain_of(&v, "", lists_verify());
	complain_of(&v, "", hugepool_verify());
	complain_of(&v, "", hugetlb_verify());
	complain_of(&v, "", slab_verify());
	cpus_release();
	return v.bad;
}
