/*
 * PTE algebra: what one entry of a page table can be, and the only functions
 * that put one together or take one apart. Pure arithmetic, the same for the
 * real machine and for the fake one of the host tests.
 *
 *  present leaf  63 NX | 62:59 key | 58:52 soft | 51:12 frame | 11:9 soft |
 *		  8 G | 7 PS (levels 2, 3) | 6 D | 5 A | 4 PCD | 3 PWT | 2 U | 1 W | 0 P=1
 *  not present   63:60 kind-specific | 57:12 payload | soft bits in the same
 *		  places as in a present entry | 3:1 kind | 0 P=0
 *
 * The soft bits (soft-dirty, uffd-wp, locked) have one place in every kind,
 * so that they are carried from one kind to the next by a mask.
 *
 * A payload that the CPU ignores (P=0) could still be guessed at by a
 * speculative walk (L1TF); Quire's machines are virtual, and it is left be.
 *
 * SDM vol. 3A, 4.5 (formats), 4.7 (error codes), 4.10 (what may be cached).
 */
#ifndef ARCH_PTE_H
#define ARCH_PTE_H

#include <arch/types.h>

#define PTE_P		(1ull << 0)
#define PTE_W		(1ull << 1)
#define PTE_U		(1ull << 2)
#define PTE_PWT		(1ull << 3)
#define PTE_PCD		(1ull << 4)
#define PTE_A		(1ull << 5)
#define PTE_D		(1ull << 6)
#define PTE_PS		(1ull << 7)	/* a leaf at level 2 or 3 */
#define PTE_G		(1ull << 8)
#define PTE_SPECIAL	(1ull << 9)	/* soft: zero page or device: no slot, no count */
#define PTE_NX		(1ull << 63)

#define PTE_SOFT_DIRTY	(1ull << 58)
#define PTE_UFFD_WP	(1ull << 57)
#define PTE_LOCKED	(1ull << 56)	/* mlock holds this slot */
#define PTE_SOFT_MASK	(PTE_SOFT_DIRTY | PTE_UFFD_WP | PTE_LOCKED)

/* Of a swap entry: it names a slot beside entries that are not of its family (mm/pt/rmap.h). */
#define PTE_SWAP_STRAY	(1ull << 4)

/* Of a migrating entry: what it was, and becomes again. */
#define PTE_MIGRATE_W	(1ull << 10)	/* a leaf with W: its page has no other slot */
#define PTE_MIGRATE_NOACCESS (1ull << 11)

#define PTE_ADDR_MASK	0x000ffffffffff000ull

/* Not present: bits 3:1 say what the rest means (0 with the whole entry 0: none). */
#define PTE_NP_SHIFT	1
#define PTE_NP_MASK	(7ull << PTE_NP_SHIFT)
#define PTE_NP_NOACCESS	(1ull << PTE_NP_SHIFT)	/* frame, NX, A, D, PS, special kept as in a leaf */
#define PTE_NP_SWAP	(2ull << PTE_NP_SHIFT)
#define PTE_NP_MIGRATE	(3ull << PTE_NP_SHIFT)
#define PTE_NP_MARKER	(4ull << PTE_NP_SHIFT)

enum pte_kind {
	PTE_NONE,	/* nothing here */
	PTE_PRESENT,	/* a 4 KB leaf: a page of RAM with a slot and a count */
	PTE_SPECIAL_LEAF, /* a leaf without either: shared zero page, device */
	PTE_NOACCESS,	/* PROT_NONE, or about to be discarded: P=0, the frame and its slot kept */
	PTE_SWAP,	/* a swap slot */
	PTE_MIGRATING,	/* names the frame to which its page is being moved */
	PTE_MARKER,	/* poison, guard, uffd */
	PTE_HUGE,	/* a leaf at level 2 (2 MB) or 3 (1 GB) */
	PTE_TABLE,	/* points to a table of the next level down */
};

/* Levels: 1 PT, 2 PD, 3 PDPT, 4 PML4, 5 PML5. */
#define PT_ENTRIES	512
#define LEVEL_SHIFT(l)	(PAGE_SHIFT + 9 * ((l) - 1))
#define LEVEL_SIZE(l)	(1ul << LEVEL_SHIFT(l))
#define LEVEL_INDEX(va, l) (((va) >> LEVEL_SHIFT(l)) & 511)

static inline enum pte_kind pte_kind(pte_t e, unsigned level)
{
	if (e.v & PTE_P) {
		if (level > 1)
			return e.v & PTE_PS ? PTE_HUGE : PTE_TABLE;
		return e.v & PTE_SPECIAL ? PTE_SPECIAL_LEAF : PTE_PRESENT;
	}
	switch (e.v & PTE_NP_MASK) {
	case PTE_NP_NOACCESS:	return PTE_NOACCESS;
	case PTE_NP_SWAP:	return PTE_SWAP;
	case PTE_NP_MIGRATE:	return PTE_MIGRATING;
	case PTE_NP_MARKER:	return PTE_MARKER;
	default:		return PTE_NONE;
	}
}

/* What a mapping allows; turned into bits by pte_leaf(). */
#define PROT_R		1u
#define PROT_W		2u
#define PROT_X		4u
#define PROT_U		8u	/* reachable from ring 3 */
#define PROT_G		16u	/* global: kept over a CR3 load */
#define PROT_UC		32u	/* uncached (MMIO) */
#define PROT_LOCKED	128u	/* a new leaf is born with PTE_LOCKED; nothing else looks at it */

static inline uint64_t pte_prot_bits(unsigned prot)
{
	return PTE_P | (prot & PROT_W ? PTE_W : 0) | (prot & PROT_U ? PTE_U : 0) |
	       (prot & PROT_X ? 0 : PTE_NX) | (prot & PROT_G ? PTE_G : 0) |
	       (prot & PROT_UC ? PTE_PCD | PTE_PWT : 0);
}

/*
 * A leaf of the given level. A is set at birth, and D with W: the access that
 * brings it in is about to use it, and the CPU need not come back to say so.
 */
static inline pte_t pte_leaf(pfn_t f, unsigned level, unsigned prot)
{
	return (pte_t){ f.v << PAGE_SHIFT | pte_prot_bits(prot) | PTE_A |
			(prot & PROT_W ? PTE_D : 0) | (level > 1 ? PTE_PS : 0) |
			(prot & PROT_LOCKED ? PTE_LOCKED : 0) };
}
static inline pte_t pte_special(pfn_t f, unsigned prot)
{
	return (pte_t){ f.v << PAGE_SHIFT | pte_prot_bits(prot) | PTE_A | PTE_SPECIAL };
}
/* An upper entry: all rights, so that the leaf alone decides. */
static inline pte_t pte_table(pfn_t f, bool user)
{
	return (pte_t){ f.v << PAGE_SHIFT | PTE_P | PTE_W | PTE_A | (user ? PTE_U : 0) };
}
static inline pte_t pte_none(void) { return (pte_t){ 0 }; }
/* A leaf made unreachable; the kind takes the places of W, U and PWT. */
static inline pte_t pte_noaccess(pte_t leaf)
{
	return (pte_t){ (leaf.v & ~(PTE_P | PTE_NP_MASK)) | PTE_NP_NOACCESS };
}
/* A leaf or noaccess entry with the rights of prot; frame, A, D and the soft bits stay. */
static inline pte_t pte_with_prot(pte_t e, unsigned prot)
{
	return (pte_t){ (e.v & (PTE_ADDR_MASK | PTE_A | PTE_D | PTE_PS | PTE_SPECIAL | PTE_SOFT_MASK)) |
			pte_prot_bits(prot) };
}

/*
 * A migrating entry: where `was` (a leaf of a user's 4 KB page, a noaccess or a migrating entry) is to
 * name frame f as soon as f's content is there; pte_migrated: what it is then.
 */
static inline pte_t pte_migrating(pte_t was, pfn_t f)
{
	uint64_t v = (was.v & ~(PTE_ADDR_MASK | PTE_P | PTE_NP_MASK)) | f.v << PAGE_SHIFT | PTE_NP_MIGRATE;

	if (was.v & PTE_P)
		return (pte_t){ v | (was.v & PTE_W ? PTE_MIGRATE_W : 0) };
	return (pte_t){ (was.v & PTE_NP_MASK) == PTE_NP_NOACCESS ? v | PTE_MIGRATE_NOACCESS : v };
}
static inline pte_t pte_migrated(pte_t e)
{
	uint64_t v = e.v & ~(PTE_NP_MASK | PTE_MIGRATE_W | PTE_MIGRATE_NOACCESS);

	if (e.v & PTE_MIGRATE_NOACCESS)
		return (pte_t){ v | PTE_NP_NOACCESS };
	return (pte_t){ v | PTE_P | PTE_U | (e.v & PTE_MIGRATE_W ? PTE_W : 0) };
}

/*
 * A swap entry: device in bits 63:59, offset in 51:12, the soft bits between them. `was` gives
 * its soft bits. A swp_t is device << 40 | offset; every one makes an entry that is not none.
 */
#define SWP_DEVICE_SHIFT 40
static inline swp_t swp(unsigned device, uint64_t offset)
{
	return (swp_t){ (uint64_t)device << SWP_DEVICE_SHIFT | offset };
}
static inline unsigned swp_device(swp_t s) { return s.v >> SWP_DEVICE_SHIFT; }
static inline uint64_t swp_offset(swp_t s) { return s.v & ((1ull << SWP_DEVICE_SHIFT) - 1); }
static inline pte_t pte_swap(swp_t s, pte_t was)
{
	return (pte_t){ (uint64_t)swp_device(s) << 59 | swp_offset(s) << PAGE_SHIFT |
			(was.v & PTE_SOFT_MASK) | PTE_NP_SWAP };
}
static inline swp_t pte_swp(pte_t e)
{
	return swp(e.v >> 59, (e.v & PTE_ADDR_MASK) >> PAGE_SHIFT);
}
static inline bool pte_swap_is_stray(pte_t e) { return e.v & PTE_SWAP_STRAY; }

/* Of a kind that names a frame: present, special, noaccess, migrating, huge, table. */
static inline pfn_t pte_pfn(pte_t e) { return pfn((e.v & PTE_ADDR_MASK) >> PAGE_SHIFT); }
static inline bool pte_is_none(pte_t e) { return e.v == 0; }
static inline bool pte_present(pte_t e) { return e.v & PTE_P; }
static inline bool pte_writable(pte_t e) { return (e.v & (PTE_P | PTE_W)) == (PTE_P | PTE_W); }
static inline bool pte_exec(pte_t e) { return !(e.v & PTE_NX); }
static inline bool pte_user(pte_t e) { return e.v & PTE_U; }
static inline bool pte_dirty(pte_t e) { return e.v & PTE_D; }
static inline bool pte_young(pte_t e) { return e.v & PTE_A; }

/*
 * Entries in memory are shared with the CPUs' walkers, which set A and D in
 * them at any time: every change of a present entry is an exchange, and what
 * it returns is the last word on A and D.
 */
static inline pte_t pte_read(const pte_t *slot)
{
	return (pte_t){ __atomic_load_n(&slot->v, __ATOMIC_RELAXED) };
}
static inline void pte_write_new(pte_t *slot, pte_t e)	/* over a not-present entry */
{
	__atomic_store_n(&slot->v, e.v, __ATOMIC_RELEASE);
}
static inline pte_t pte_xchg(pte_t *slot, pte_t e)
{
	return (pte_t){ __atomic_exchange_n(&slot->v, e.v, __ATOMIC_ACQ_REL) };
}
static inline bool pte_cmpxchg(pte_t *slot, pte_t *old, pte_t e)
{
	uint64_t was = old->v;		/* a number can stay in a register */
	bool done = __atomic_compare_exchange_n(&slot->v, &was, e.v, false,
						__ATOMIC_ACQ_REL, __ATOMIC_RELAXED);

	old->v = was;
	return done;
}

#endif
