/*
 * The life of an address space, and its figures.
 *
 * An mm is in the list of all from its making to its end. Its references are
 * the processes (threads) that run on it and whoever looks at it; the last
 * one takes everything down, on a CPU that has it no longer loaded.
 *
 * Locks: mms_lock guards the list; mm.lock the rest (mm_struct.h).
 */
#include <mm/vm/map.h>
#include <mm/vm/hugetlb.h>
#include <lib/assert.h>
#include <lib/string.h>
#include <mm/alloc/hugepool.h>
#include <mm/alloc/limit.h>
#include <mm/alloc/page.h>
#include <mm/alloc/slab.h>
#include <mm/obj/huge.h>
#include <mm/pt/pt.h>
#include <mm/reclaim/reclaim.h>
#include <mm/vm/mms.h>

#include <linux/errno.h>
#include <linux/mman.h>

#define STACK_ROOM_MIN	(128ul << 20)	/* left above mmap_top for the stack, at least */
#define STACK_ROOM_MAX	(USER_END_4 / 6 * 5)
#define MMAP_RANDOM_PAGES (1ul << 28)	/* 1 TB */

struct mm_list mms = TAILQ_HEAD_INITIALIZER(mms);
struct spinlock mms_lock = SPINLOCK_INIT(RANK_LISTS);
static struct kmem_cache *mm_cache;

void mm_init(void)
{
	commit_init();
	mm_cache = kmem_cache_create("mm", sizeof(struct mm), 0);
	vma_boot();
	radix_boot();
	huge_boot();
	hugepool_boot();
	hugepool_source = page_alloc_compact;
	reclaim_unshare = mm_unshare;
}

/* As on Linux: below the place of the largest stack there is likely to be. */
vaddr_t map_choose_top(const struct mm *mm, uint64_t stack)
{
	uint64_t room = MIN(stack, STACK_ROOM_MAX) + STACK_GUARD_GAP;

	if (!mm_norandmaps && !mm->fixed_places)
		room += STACK_RANDOM_PAGES << PAGE_SHIFT;
	room = ALIGN_UP(MIN(MAX(room, STACK_ROOM_MIN), STACK_ROOM_MAX), PAGE_SIZE);
	return USER_END_4 - room - map_random(mm, MMAP_RANDOM_PAGES);
}

struct mm *mm_create(void)
{
	struct mm *mm = kmem_zalloc(mm_cache);

	if (!mm)
		return NULL;
	if (aspace_init(&mm->as)) {
		kmem_free(mm_cache, mm);
		return NULL;
	}
	mm->as.in_mm = true;
	mm->as.limit_id = limit_current();	/* of who forks, or is about to run another program */
	limit_get(mm->as.limit_id);
	rwlock_init(&mm->lock, RANK_MM);
	RB_INIT(&mm->vmas);
	mm->refs = 1;
	mm->writes = 1;
	mm->mmap_top = map_choose_top(mm, STACK_LIMIT_DEFAULT);
	mm->limits = (struct mm_limits){
		.as = ~0ul, .data = ~0ul, .data_max = ~0ul, .stack = STACK_LIMIT_DEFAULT,
		.memlock = ~0ul, .privileged = true,
	};
	spin_lock(&mms_lock);
	TAILQ_INSERT_TAIL(&mms, mm, all_link);
	spin_unlock(&mms_lock);
	return mm;
}

void mm_fix_places(struct mm *mm)
{
	mm_write_lock(mm);
	mm->fixed_places = true;
	mm->mmap_top = map_choose_top(mm, mm->limits.stack);
	mm_write_unlock(mm);
}

/*
 * The last reference is gone. First the objects forget mm's mappings, so that no
 * truncate comes to its tables any more; then the tables go as a whole. Returns
 * how many pages were resident.
 */
static uint64_t mm_end(struct mm *mm)
{
	struct vma *dead = vma_kill_all(mm);
	struct gather g;
	uint64_t pages;

	gather_init(&g, &mm->as);
	pages = pt_end(&mm->as, &g);
	gather_finish(&g);
	vma_bury(dead);
	spin_lock(&mms_lock);
	TAILQ_REMOVE(&mms, mm, all_link);
	spin_unlock(&mms_lock);
	aspace_destroy(&mm->as);
	limit_put(mm->as.limit_id);
	return pages;
}

void mm_put(struct mm *mm)
{
	if (!ref_put(&mm->refs))
		return;
	mm_end(mm);
	kmem_free(mm_cache, mm);
}

struct mm *mm_next(struct mm *mm)
{
	struct mm *next;

	spin_lock(&mms_lock);
	next = mm ? TAILQ_NEXT(mm, all_link) : TAILQ_FIRST(&mms);
	while (next && !ref_tryget(&next->refs))
		next = TAILQ_NEXT(next, all_link);
	spin_unlock(&mms_lock);
	if (mm)
		mm_put(mm);
	return next;
}

/* Exact for what has ended before the call. mm.lock held. */
static uint64_t count_minflt(struct mm *mm)
{
	uint64_t n = mm->minflt;

	for (struct vma *v = vma_first(mm); v; v = vma_next(v))
		n += vma_faults(v);
	return n;
}

void mm_leave(struct mm *mm, struct mm_usage *u)
{
	uint64_t pages, minflt = 0;

	if (__atomic_load_n(&mm->refs, __ATOMIC_ACQUIRE) > 1) {
		read_lock(&mm->lock);
		mm_note_rss(mm);
		minflt = count_minflt(mm);
		read_unlock(&mm->lock);
	}				/* else it is counted as it is taken down */
	*u = (struct mm_usage){
		.minflt = minflt,
		.majflt = __atomic_load_n(&mm->majflt, __ATOMIC_RELAXED),
		.rss_max = READ_ONCE(mm->rss_max),
	};
	if (!ref_put(&mm->refs))
		return;
	pages = mm_end(mm);
	u->rss_max = MAX(u->rss_max, pages);
	u->minflt = mm->minflt;		/* those of all VMAs, now that they are gone */
	kmem_free(mm_cache, mm);
}

struct aspace *mm_aspace(struct mm *mm)
{
	return &mm->as;
}

/* ---- figures ---- */

static uint64_t resident(const struct aspace_counts *n)
{
	return n->anon + n->file + n->shmem;
}

void mm_note_rss(struct mm *mm)
{
	struct aspace_counts n;
	uint64_t now, max = READ_ONCE(mm->rss_max);

	aspace_count(&mm->as, &n);
	now = resident(&n);
	while (now > max && !__atomic_compare_exchange_n(&mm->rss_max, &max, now, false,
							 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

void mm_figures(struct mm *mm, struct mm_figures *f)
{
	struct aspace_counts n;

	read_lock(&mm->lock);
	aspace_count(&mm->as, &n);
	*f = (struct mm_figures){
		.size_pages = mm->size_pages, .size_max = mm->size_max, .nvmas = mm->nvmas,
		.locked = mm->locked_pages, .thp_disabled = READ_ONCE(mm->thp_disabled),
		.anon = n.anon, .file = n.file, .shmem = n.shmem, .swap = n.swap,
		.table_bytes = __atomic_load_n(&mm->as.table_bytes, __ATOMIC_RELAXED),
		.minflt = count_minflt(mm),
		.majflt = __atomic_load_n(&mm->majflt, __ATOMIC_RELAXED),
		.rss_max = MAX(READ_ONCE(mm->rss_max), resident(&n)),
		.hugetlb = hugetlb_mapped(mm),
	};
	read_unlock(&mm->lock);
}

void mm_weigh(struct mm *mm, struct mm_figures *f)
{
	struct aspace_counts n;

	aspace_count(&mm->as, &n);
	*f = (struct mm_figures){
		.size_pages = READ_ONCE(mm->size_pages),
		.anon = n.anon, .file = n.file, .shmem = n.shmem, .swap = n.swap,
		.table_bytes = __atomic_load_n(&mm->as.table_bytes, __ATOMIC_RELAXED),
	};
}

void mm_info(struct mem_info *i)
{
	struct slab_stats s;

	*i = (struct mem_info){
		.total = page_total_count() << PAGE_SHIFT,
		.free = page_free_count() << PAGE_SHIFT,
		.low = page_low_mark() << PAGE_SHIFT,
		.cached = objects_npages() << PAGE_SHIFT,
		.kstacks = kstack_bytes(),
		.commit_limit = commit_limit() << PAGE_SHIFT,
		.committed = commit_total() << PAGE_SHIFT,
		.swap = slots_total() << PAGE_SHIFT,
		.swap_free = slots_free() << PAGE_SHIFT,
	};
	for (unsigned k = 0; slab_stats(k, &s); k++)
		i->slab += s.pages << PAGE_SHIFT;
}

static struct vma_info info_of(const struct vma *v)
{
	return (struct vma_info){
		.start = v->start, .end = v->end,
		.prot = (v->flags & VM_READ ? PROT_READ : 0) |
			(v->flags & VM_WRITE ? PROT_WRITE : 0) |
			(v->flags & VM_EXEC ? PROT_EXEC : 0),
		.flags = (v->flags & VM_SHARED ? MAP_SHARED : MAP_PRIVATE) |
			 (v->flags & VM_GROWSDOWN ? MAP_GROWSDOWN : 0) |
			 (v->flags & VM_NORESERVE ? MAP_NORESERVE : 0) |
			 (v->obj ? 0 : MAP_ANONYMOUS),
		.vm_flags = v->flags, .thp_eligible = thp_wanted(v) && thp_has_room(v), .pgoff = v->pgoff,
		.page_size = vma_is_huge(v) ? hugetlb_size(v) : PAGE_SIZE, .obj = vma_is_huge(v) ? huge_file(v->obj) : v->obj,
		.name = v->flags & VM_STACK ? "[stack]" : v->flags & VM_HEAP ? "[heap]" : NULL,
	};
}

int mm_for_each_vma(struct mm *mm, vaddr_t from, int (*fn)(const struct vma_info *v, void *arg), void *arg)
{
	int stop = 0;

	read_lock(&mm->lock);
	for (struct vma *v = vma_find(mm, from); v && !stop; v = vma_next(v)) {
		struct vma_info info = info_of(v);

		stop = fn(&info, arg);
	}
	read_unlock(&mm->lock);
	return stop;
}
