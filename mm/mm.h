/*
 * Memory as floor 9 (processes, system calls) sees it: everything else of mm
 * is behind this header.
 */
#ifndef MM_MM_H
#define MM_MM_H

#include <arch/aspace.h>
#include <arch/types.h>
#include <lib/ref.h>
#include <mm/alloc/block.h>
#include <mm/alloc/commit.h>
#include <mm/alloc/lists.h>
#include <mm/obj/huge.h>
#include <mm/obj/object.h>
#include <mm/reclaim/compact.h>
#include <mm/reclaim/reclaim.h>
#include <mm/reclaim/swap.h>
#include <mm/reclaim/zswap.h>

struct mm;
struct mm_layout;
struct mm_limits;

/* ---- life of an address space ---- */

/* An empty one with one reference, or NULL. */
struct mm *mm_create(void);
/* Nothing in it is placed at random: of one that has no mappings yet. */
void mm_fix_places(struct mm *mm);
static inline struct mm *mm_get(struct mm *mm);
/* The last reference takes every mapping down. Not on a CPU that has it loaded (thread_set_aspace first). May sleep. */
void mm_put(struct mm *mm);
/* mm_put for a process that goes: what has been used here so far. */
struct mm_usage { uint64_t minflt, majflt, rss_max; };	/* faults; pages: high-water mark */
void mm_leave(struct mm *mm, struct mm_usage *u);
struct aspace *mm_aspace(struct mm *mm);
/*
 * From now on; in a fresh one, also where mappings go: below the largest stack.
 * Who shares an address space shares its limits.
 */
void mm_set_limits(struct mm *mm, const struct mm_limits *l);
/* Is it larger than its limits allow, as they are by now? */
bool mm_over_limits(struct mm *mm);
/* Are these its limits? Of one that nobody else knows yet. */
bool mm_has_limits(const struct mm *mm, const struct mm_limits *l);
/*
 * A copy for a new process: the same VMAs, private pages shared until either
 * writes. One reference, or NULL: no memory, and parent is as before. May sleep.
 */
struct mm *mm_fork(struct mm *parent);

/* Option norandmaps: no address of an address space is drawn at random. */
extern bool mm_norandmaps;

/* ---- mappings; prot and flags are Linux's PROT_*, MAP_* (<asm/mman.h>) ---- */

/* With a prot of mm_mmap: a shared mapping that mprotect will not make writable either. */
#define MM_PROT_NEVER_WRITE	0x10000000
/* The same: a mapping that mprotect will not make executable. */
#define MM_PROT_NEVER_EXEC	0x40

/*
 * mmap(2). obj NULL: anonymous. pgoff in pages. Takes a reference of obj on
 * success. addr and len as the caller of the system call gave them. The
 * address, or -errno: EINVAL, ENOMEM, EEXIST, EPERM (below mmap_min_addr; sealed),
 * EACCES (shared and writable, but the object is not), EOVERFLOW.
 */
long mm_mmap(struct mm *mm, vaddr_t addr, size_t len, int prot, int flags, struct object *obj, uint64_t pgoff);

/* What mmap(2) finds wrong with the place alone, which it looks at before the file: 0 or -errno. */
int __must_check mm_mmap_place(struct mm *mm, vaddr_t addr, size_t len, int flags, uint64_t pgoff);
int mm_munmap(struct mm *mm, vaddr_t addr, size_t len);
/*
 * Takes out all mappings of parts of one object that are where they would be if all of it was mapped at addr: of the
 * first such object that `ours` accepts, which is called with mm locked. 0, -EINVAL: there is none; -ENOMEM.
 */
int __must_check mm_detach(struct mm *mm, vaddr_t addr, bool (*ours)(const struct object *o));
int mm_mprotect(struct mm *mm, vaddr_t addr, size_t len, int prot);
/* mremap(2): the mapping's address now, or -errno. */
long mm_mremap(struct mm *mm, vaddr_t addr, size_t old_len, size_t new_len, unsigned flags,
	       vaddr_t new_addr);
/* remap_file_pages(2): [addr, addr + len), of a shared mapping, shows its file from page pgoff on. flags: MAP_NONBLOCK. */
int mm_remap_file_pages(struct mm *mm, vaddr_t addr, size_t len, uint64_t pgoff, int flags);
int mm_madvise(struct mm *mm, vaddr_t addr, size_t len, int advice);
/* mlock(2), munlock(2), mlockall(2); flags: MCL_*. */
int mm_mlock(struct mm *mm, vaddr_t addr, size_t len, bool on_fault);
int mm_munlock(struct mm *mm, vaddr_t addr, size_t len);
int mm_mlockall(struct mm *mm, unsigned flags);
void mm_munlockall(struct mm *mm);
int mm_msync(struct mm *mm, vaddr_t addr, size_t len, int flags);
/* Which of the pages from start on, as far as one mapping goes, are there: how many, or -ENOMEM. */
long mm_mincore(struct mm *mm, vaddr_t start, size_t pages, uint8_t *out);
/* brk(2): the new break, or the old one if it cannot be. */
vaddr_t mm_brk(struct mm *mm, vaddr_t brk);
/* Where the heap starts (exec): at the next whole page, or at random up to 32 MB above. */
void mm_set_brk(struct mm *mm, vaddr_t start);
/* The stack of a new program: maps its top pages; it grows down to its limit. Top address, or -ENOMEM. */
long mm_map_stack(struct mm *mm);

/*
 * What names the word at va for futex(2): the place in the object of a shared mapping,
 * with a reference of it in *hold, else the place in mm, and *hold is NULL. 0, or
 * -EFAULT: nothing is mapped there.
 */
struct futex_key { const void *space; uint64_t at; };
int __must_check mm_futex_key(struct mm *mm, vaddr_t va, struct futex_key *key,
			      struct object **hold);

/* ---- how much memory a tree of processes may have (mm/alloc/limit.h) ---- */

#define MM_NO_LIMIT	(~0ull)
struct mm_memory_limit { uint64_t max, used, peak, failed; };	/* bytes; charges refused */
/*
 * mm, and what is forked from it from now on, may have so many bytes of memory, within the limit
 * that it has. maker: who says so: his own earlier word is changed, not added to. 0 or
 * -ENOSPC: too many limits.
 */
int __must_check mm_set_memory_limit(struct mm *mm, uint64_t bytes, uint64_t maker);
/* The innermost that mm has; max MM_NO_LIMIT: none. */
void mm_memory_limit(struct mm *mm, struct mm_memory_limit *l);
/* A limit by its number, which somebody is charged to; 0: the machine. */
void mm_limit_figures(uint16_t limit, struct mm_memory_limit *l);
/*
 * More than a fault needs at once: a page, its tables, what copies of shared ones take. If it does not get all of them it
 * gives back what it got: where so many are left there may be too few.
 */
#define MM_FAULT_FRAMES	12u
/* The innermost limit of mm that has no room for a fault; 0: all have. */
uint16_t mm_limit_reached(struct mm *mm);
/*
 * For who, running in mm, was told that there is no memory, and has left all as it was: if that was
 * for want of frames or for a full memory limit, makes room. True: it is worth another
 * try; *tries: 0 at first. May sleep; no lock of memory's ranks held.
 */
bool __must_check mm_retry(struct mm *mm, unsigned *tries);
/* Has mm any limit? */
bool mm_is_limited(const struct mm *mm);
/* Keeps its number its own. 0 is fine for both. */
void mm_limit_get(uint16_t limit);
void mm_limit_put(uint16_t limit);
/* Is mm charged to that limit? To 0 (the machine) all are. */
bool mm_limit_within(const struct mm *mm, uint16_t limit);

/* ---- policy, by /proc/sys/vm ---- */

extern uint64_t vm_max_map_count;	/* mappings of one address space */

/* ---- faults ---- */

enum fault_result {
	FAULT_OK,		/* settled: the instruction is retried */
	FAULT_SEGV_MAPERR,	/* nothing is mapped there */
	FAULT_SEGV_ACCERR,	/* mapped without this right */
	FAULT_BUS,		/* past the end of the object, or its I/O failed */
	FAULT_OOM,		/* no memory */
};
/* access: ACCESS_* of <arch/upcall.h>. Interrupts on, no lock held; may sleep. */
enum fault_result vm_fault(struct mm *mm, vaddr_t va, unsigned access);
const char *fault_name(enum fault_result r);

/* ---- memory of an address space that need not be the loaded one (process_vm_readv) ---- */

/* The pages of [va, va + n) are brought in, in order: how many bytes of it can then be read (written). May sleep. */
size_t mm_remote_fault(struct mm *mm, vaddr_t va, size_t n, bool write);
/* n bytes, all in one page, to the running program's memory. Bytes; less: one side is not there. May sleep. */
size_t __must_check mm_remote_read(struct mm *mm, vaddr_t va, void __user *to, size_t n);
/* n bytes, all in one page, from the kernel's memory; false: nothing written. May sleep. */
bool __must_check mm_remote_write(struct mm *mm, vaddr_t va, const void *from, size_t n);

/* ---- figures ---- */

struct mm_figures {
	uint64_t size_pages, size_max;	/* VmSize, VmPeak */
	uint64_t locked;		/* VmLck */
	uint64_t anon, file, shmem, swap;	/* resident pages of each sort; swap slots */
	uint64_t table_bytes;		/* VmPTE: without the root */
	uint64_t minflt, majflt;
	uint64_t rss_max;		/* pages: high-water mark */
	uint64_t hugetlb;		/* of explicit huge pages, which are in none of the others; not from mm_weigh */
	unsigned nvmas;
	bool thp_disabled;		/* by prctl */
};
void mm_figures(struct mm *mm, struct mm_figures *f);
/* Of these size_pages and what its tables tell, as of about now. Waits for nobody: spinlocks may be held. */
void mm_weigh(struct mm *mm, struct mm_figures *f);
/*
 * Takes everything that it maps out of an address space whose threads are all to end before
 * they see ring 3 again: what they still do in the kernel finds nothing there. False: somebody
 * is changing it; or no memory. May sleep.
 */
bool __must_check mm_reap(struct mm *mm);

struct mem_info { uint64_t total, free, low, cached, slab, kstacks, commit_limit, committed, swap, swap_free; }; /* bytes */
void mm_info(struct mem_info *i);

/* Frames by use, each of them looked at: takes a while. */
struct mem_usage {
	uint64_t kernel, tables, anon, anon_huge, swapcache, file, mapped, shmem, mlocked;
	uint64_t shmem_huge, shmem_leaves; /* of shmem: in blocks; of these, mapped by huge leaves */
};
void mm_usage(struct mem_usage *u);
/* The i-th counter of /proc/vmstat; false past the last. */
bool mm_event(unsigned i, const char **name, uint64_t *v);
/* The i-th replacement policy, and whether it is the one; NULL past the last. */
const char *mm_policy(unsigned i, bool *chosen);
/* Bytes that a read fault of a file maps at most. Set: rounded down to a power of two; -EINVAL above 2 MB. */
uint64_t mm_fault_around(void);
int __must_check mm_set_fault_around(uint64_t bytes);

/* The n words that /proc/PID/pagemap has from page va on. */
#define PAGEMAP_PRESENT		(1ul << 63)
#define PAGEMAP_SWAP		(1ul << 62)
#define PAGEMAP_FILE		(1ul << 61)	/* of a file, or shared memory */
#define PAGEMAP_EXCLUSIVE	(1ul << 56)
#define PAGEMAP_SOFT_DIRTY	(1ul << 55)
void mm_pagemap(struct mm *mm, vaddr_t va, unsigned n, uint64_t *out);
/* How many pages that file is about. */
uint64_t mm_pagemap_end(void);
/* Frames of RAM and holes between them: one past the last. What a frame is (KPF_*), as a word of /proc/kpageflags. */
uint64_t mm_frame_end(void);
uint64_t mm_frame_flags(uint64_t frame);
/* How often each of n frames from `frame` on is mapped. 0 or -ENOMEM. May sleep. */
int __must_check mm_frame_counts(uint64_t frame, unsigned n, uint64_t *out);
/* Copies from the pages that are there, up to the first that is not; bytes. Nothing is faulted in. */
size_t mm_peek(struct mm *mm, vaddr_t va, void *to, size_t n);

/* Where the program's parts are, as exec put them; brk of the moment, which mm_set_layout leaves alone. */
void mm_set_layout(struct mm *mm, const struct mm_layout *l);
void mm_get_layout(struct mm *mm, struct mm_layout *l);

/* Calls fn for each mapping that ends above `from`, in order (maps, the GDB's twin): mm locked for reading. Nonzero stops. */
struct vma_info {
	vaddr_t start, end;
	int prot, flags;
	unsigned vm_flags;
	bool thp_eligible;		/* it may get huge pages unasked */
	size_t page_size;		/* of its pages: larger only for explicit huge ones */
	uint64_t pgoff;
	struct object *obj;
	const char *name;
};
int mm_for_each_vma(struct mm *mm, vaddr_t from, int (*fn)(const struct vma_info *v, void *arg), void *arg);

/* What a mapping has in memory, in bytes; pss: each page by the number of mappings it has, times 4096. */
struct vma_usage {
	uint64_t rss, referenced, anon, anon_huge, shmem_huge, lazyfree, swap, swap_pss;
	uint64_t shared_clean, shared_dirty, private_clean, private_dirty;
	uint64_t pss, pss_dirty, pss_anon, pss_file, pss_shmem;
	uint64_t shared_hugetlb, private_hugetlb; /* explicit huge pages, which count nowhere else */
};
/* The same with that; also -ENOMEM. */
int mm_for_each_usage(struct mm *mm, vaddr_t from,
		      int (*fn)(const struct vma_info *v, const struct vma_usage *u, void *arg),
		      void *arg);
/* Pages count as used from their next use on; or the high-water mark begins anew. The numbers of clear_refs. */
enum clear_refs { CLEAR_REFS_ALL = 1, CLEAR_REFS_ANON, CLEAR_REFS_MAPPED, CLEAR_REFS_MAX_RSS = 5 };
void mm_clear_refs(struct mm *mm, enum clear_refs what);

/*
 * Walks VMAs, tables, pages, counts, allocator and slab, and finds every
 * disagreement: 0 if there is none, else the number, each a line in the log
 * and the first in why[n]. All address spaces, at rest.
 */
unsigned mm_verify(char *why, size_t n);

/* ---- kernel stacks, for who makes threads (mm/pt/kstack.c) ---- */

/* A stack with an unmapped guard page below. 0 or -ENOMEM. */
int __must_check kstack_alloc(uint64_t *bottom, uint64_t *top);
void kstack_free(uint64_t bottom);

/* ---- devices (mm/pt/kmap.c) ---- */

/* Maps device memory uncached; address of pa. Panics without memory (boot only). */
void *kmap_mmio(paddr_t pa, size_t bytes);

/* ---- boot ---- */
void mm_init(void);

#include <mm/vm/mm_struct.h>
#include <mm/vm/thp.h>

/* A second thread of the calling process is about to use mm. */
static inline void mm_add_thread(struct mm *mm)
{
	WRITE_ONCE(mm->threaded, true);
}

static inline struct mm *mm_get(struct mm *mm)
{
	ref_get(&mm->refs);
	return mm;
}

#endif
