/*
 * struct mm and struct vma: an address space as VMAs in a tree by address,
 * over the machine's half (struct aspace).
 */
#ifndef MM_VM_MM_STRUCT_H
#define MM_VM_MM_STRUCT_H

#include <arch/aspace.h>
#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>
#include <kernel/core/grace.h>
#include <kernel/core/mutex.h>
#include <mm/obj/object.h>

/* vma flags: Linux's meaning */
#define VM_READ		0x1u
#define VM_WRITE	0x2u
#define VM_EXEC		0x4u
#define VM_SHARED	0x8u
#define VM_MAYWRITE	0x20u		/* mprotect may add VM_WRITE */
#define VM_NEVER_EXEC	0x40u		/* nor may it add VM_EXEC */
#define VM_GROWSDOWN	0x100u
#define VM_NORESERVE	0x200u
#define VM_STACK	0x400u
#define VM_HEAP		0x800u
#define VM_LOCKED	0x2000u
#define VM_LOCKONFAULT	0x80000u	/* with VM_LOCKED: pages come when they are used */
#define VM_LOCK_MASK	(VM_LOCKED | VM_LOCKONFAULT)
#define VM_ACCOUNT	0x100000u	/* its pages were promised: commit_charge */
#define VM_SEQ_READ	0x8000u		/* will be read in order */
#define VM_RAND_READ	0x10000u	/* will be read in no order */
#define VM_READ_ORDER	(VM_SEQ_READ | VM_RAND_READ)
#define VM_DONTCOPY	0x20000u	/* fork leaves it out */
#define VM_WIPEONFORK	0x2000000u	/* empty after fork, in the child */
#define VM_DONTDUMP	0x4000000u	/* not for a core dump */
#define VM_HUGEPAGE	0x20000000u	/* wants huge pages (thp.h) */
#define VM_HUGETLB	0x400000u	/* of explicit huge pages (hugetlb.h) */
#define VM_HUGE_1G	0x1000000u	/* VM_HUGETLB: of 1 GB */
#define VM_HUGE_OWNER	0x800000u	/* VM_HUGETLB, private: what its object promises is for it */
#define VM_NOHUGEPAGE	0x40000000u	/* wants none */
#define VM_THP_ADVICE	(VM_HUGEPAGE | VM_NOHUGEPAGE)

#define VMA_HINTS	4u		/* so many lookups' answers are kept */

struct vma {
	uint64_t lock, mark;		/* of faults, of writers: vma_lock.h */
	vaddr_t start, end;		/* page-aligned, end exclusive; mm.lock write and mark to change */
	unsigned flags;			/* VM_*; as start */
	unsigned prot;			/* PROT_* of a leaf by flags, W only if shared; as start */
	struct object *obj;		/* backing, referenced; NULL: anonymous */
	uint64_t pgoff;			/* of start in obj, pages; anonymous: start >> 12 */
	struct mapping mapping;		/* obj's note of where it is to be seen */
	struct mm *mm;			/* NULL: out of the tree; as start */
	RB_ENTRY(vma) node;		/* mm.lock; faults walk beside it: vma_walk */
	uint64_t gap;			/* free below, as far as the VMA before; mm.lock */
	uint64_t gap_max;		/* largest gap of this subtree; mm.lock */
	struct vma *next_dead;		/* out of the tree, to be buried when mm.lock is free */
	struct grace_head grace;	/* freed after a grace period: lookups may still read it */
};

RB_HEAD(vma_tree, vma);

/* Where a program's parts lie: told by exec, for /proc. */
struct mm_layout {
	vaddr_t code_start, code_end, data_start, data_end;
	vaddr_t stack_start;		/* what the stack pointer was at the start */
	vaddr_t arg_start, arg_end, env_start, env_end;
	vaddr_t brk_start, brk;
};

/* What a process may do with memory: its rlimits, in bytes, ~0: any amount. */
struct mm_limits {
	uint64_t as, data, stack, memlock;
	uint64_t data_max;		/* the hard limit of data */
	bool privileged;		/* memlock does not bind, nor the administrator's reserve */
};

/* How far it is worth reading ahead from swap (fault_swap.c): hints, no lock. */
struct vma_ahead { uint64_t last; unsigned window, hits; };

struct mm {
	struct aspace as;		/* the machine's half */
	struct rwlock lock;		/* RANK_MM: tree and VMAs; most faults do without */
	struct vma_tree vmas;		/* lock */
	unsigned nvmas;			/* lock */
	uint32_t refs;			/* atomic: processes that use it, and who looks at it */
	bool threaded;			/* of one of them several threads do; stays set */
	bool fixed_places;		/* none is drawn at random; const once it has mappings */
	bool thp_disabled;		/* no huge pages but those asked for; atomic, kept by fork and exec */
	vaddr_t mmap_top;		/* mappings are placed below; const after mm_create */
	vaddr_t brk_start, brk;		/* lock */
	vaddr_t stack_top;		/* lock */
	unsigned lock_new;		/* VM_LOCK_MASK bits that new mappings get; lock */
	struct mm_limits limits;	/* lock */
	struct mm_layout layout;	/* lock; without brk */
	uint64_t size_pages, size_max;	/* sum of VMAs, and the most that it was; lock */
	uint64_t data_pages, locked_pages; /* of these: vma_is_data; VM_LOCKED; lock */
	uint64_t minflt;		/* of VMAs that are gone; lock. The others count their own */
	uint64_t majflt;		/* atomic */
	uint64_t rss_max;		/* pages; lock */
	uint64_t writes;		/* how often lock was given up by a writer; lock */
	struct vma_ahead ahead[VMA_HINTS]; /* of VMAs by where they lie in memory */
	struct vma *last[VMA_HINTS];	/* last answers, by address; the VMA's lock or lock (any mode) */
	TAILQ_ENTRY(mm) all_link;	/* list of all, for mm_verify and GDB */
};

#endif
