/*
 * Transparent huge pages: which memory may have them, and what is wanted of the whole system.
 *
 * Private anonymous memory may have 2 MB blocks wherever an aligned 2 MB of it lie in one VMA: always, or
 * where the program has said so (MADV_HUGEPAGE), or never, by thp.enabled. MADV_NOHUGEPAGE and
 * prctl(PR_SET_THP_DISABLE) are heeded by all of them, and by MADV_COLLAPSE, which asks nothing else.
 *
 * Shared mappings of memory objects get them by thp.shmem in the same way, or as the file system of the object says,
 * where place in the mapping and in the object fit (fault_shmem.c). A block that is there already, for whomever it was made, is
 * mapped by a huge leaf wherever it may be.
 *
 * The default is madvise, as in Linux's own configuration for most: a program that touches one page of many
 * regions would else have 2 MB of each, and a machine here may have 32 MB in all.
 */
#ifndef MM_VM_THP_H
#define MM_VM_THP_H

#include <mm/vm/mm_struct.h>

enum thp_mode { THP_ALWAYS, THP_MADVISE, THP_NEVER };
/*
 * What is past the end of an object is never there: so `always` and `within_size` say the same here. The last
 * two are about all objects, whatever their file systems say.
 */
enum shmem_mode {
	SHMEM_ALWAYS, SHMEM_WITHIN_SIZE, SHMEM_ADVISE, SHMEM_NEVER, SHMEM_DENY, SHMEM_FORCE, SHMEM_MODES
};
/* As Linux names them: in shmem_enabled, and but for the last two in huge= of a tmpfs. */
extern const char *const shmem_mode_names[SHMEM_MODES];

/* Tunables of /sys/kernel/mm/transparent_hugepage: numbers that are read and written without a lock. */
struct thp_policy {
	unsigned enabled;		/* enum thp_mode; option transparent_hugepage= */
	unsigned shmem;			/* enum shmem_mode; option transparent_hugepage_shmem= */
	uint64_t use_zero_page;		/* 0: reads of untouched memory get blocks, too */
	/* khugepaged: */
	uint64_t pages_to_scan;		/* 4 KB pages at a time */
	uint64_t scan_sleep_ms;		/* between these times; */
	uint64_t alloc_sleep_ms;	/* and where there was no block */
	uint64_t max_ptes_none;		/* of 512 pages so many may be missing, */
	uint64_t max_ptes_swap;		/* swapped out, */
	uint64_t max_ptes_shared;	/* and others', too */
	bool asked;			/* somebody has said MADV_HUGEPAGE; stays set */
	bool shmem_asked;		/* shared memory has been wanted to have some; stays set */
	uint64_t pages_collapsed, full_scans; /* atomic: what it did so far */
};
extern struct thp_policy thp;

struct waitq;
extern struct waitq *thp_wait;		/* of khugepaged; NULL: there is none */
/* A figure above has changed: khugepaged looks at them. */
void thp_wake(void);
/* Somebody wants huge pages. */
void thp_ask(void);
/* Starts it, and what options say holds from now on. */
void khugepaged_init(void);

/* May v, by its flags and its process's word, have huge pages at all, whoever asks for them? */
static inline bool thp_allowed(const struct vma *v)
{
	return !v->obj && !(v->flags & (VM_SHARED | VM_NOHUGEPAGE)) && !READ_ONCE(v->mm->thp_disabled);
}

/* May v, a mapping of an object, have huge leaves at all, whoever asks for them? Not v's place, nor size. */
static inline bool shmem_allowed(const struct vma *v)
{
	return v->obj && v->obj->ops->memory && !v->obj->ops->huge &&
	       (v->flags & (VM_SHARED | VM_NOHUGEPAGE)) == VM_SHARED && !READ_ONCE(v->mm->thp_disabled);
}

/* May a shared mapping of o, a memory object, have huge pages: does its place matter? */
bool shmem_may_want(const struct object *o);
/* Is the memory object that v maps to have them there, unasked? Not v's place, nor size. */
bool shmem_wanted(const struct vma *v);
/* May small pages of it become huge ones on demand? */
bool shmem_may_collapse(const struct vma *v);
/* thp.shmem has changed, or there is a file system with a word of its own. */
void shmem_mode_changed(unsigned mode);
/* There is, or may soon be, a block: faults in shared mappings look closer from now on. */
void shmem_look_closer(void);

/*
 * The flags of which one at least says that a VMA may be wanted to have huge pages, or has them, by mode: a quick look,
 * for faults.
 */
extern unsigned thp_flags[];
static inline bool thp_likely(const struct vma *v)
{
	return v->flags & thp_flags[READ_ONCE(thp.enabled)];
}

/* Is it to get them unasked? */
static inline bool thp_wanted(const struct vma *v)
{
	unsigned mode = READ_ONCE(thp.enabled);

	return (mode == THP_ALWAYS || (mode == THP_MADVISE && v->flags & VM_HUGEPAGE)) &&
	       thp_allowed(v);
}

/* Do the 2 MB around va lie in v? */
static inline bool thp_fits(const struct vma *v, vaddr_t va)
{
	vaddr_t start = va & -HUGE_SIZE;

	return start >= v->start && start + HUGE_SIZE <= v->end;
}

/* Is there room for a huge page anywhere in v? */
static inline bool thp_has_room(const struct vma *v)
{
	vaddr_t start = (v->start + HUGE_SIZE - 1) & -HUGE_SIZE;

	return start >= v->start && start < v->end && v->end - start >= HUGE_SIZE;
}

#endif
