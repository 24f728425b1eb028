/*
 * mmap and munmap: where a mapping goes, what it replaces, how it comes down.
 *
 * Errors and their order are Linux's. What may fail is done before the first
 * change, so a call that fails leaves the address space as it was, but for one
 * thing, as on Linux: what MAP_FIXED replaces is gone when the new memory
 * cannot be promised.
 * Down goes: translations (unhook, flush, free: mm/pt), then the VMAs, then,
 * when mm.lock is free, what the VMAs held.
 *
 * Where a mapping without a fixed address goes, in this order: at its hint if
 * that is free; as high as possible below mmap_top; as low as possible above
 * a third of the user's half. Addresses above 47 bits only if the hint is
 * there (five levels): programs keep tags in the upper bits.
 *
 * Locks: mm.lock for writing around each change.
 */
#include <mm/vm/map.h>
#include <lib/assert.h>
#include <lib/option.h>
#include <mm/alloc/page.h>
#include <mm/pt/pt.h>
#include <mm/vm/hugetlb.h>

#include <linux/errno.h>
#include <linux/mman.h>

#define LOW_START	0x40000000ul	/* where MAP_32BIT maps */
#define LOW_END		0x80000000ul
#define FILE_SIZE_MAX	(~0ul >> 1)

/* What MAP_SHARED_VALIDATE does not refuse; 0x80 is MAP_ABOVE4G. */
#define LEGACY_FLAGS	(MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_32BIT | 0x80 | MAP_GROWSDOWN | \
			 MAP_DENYWRITE | MAP_EXECUTABLE | MAP_LOCKED | MAP_NORESERVE | \
			 MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB | \
			 MAP_UNINITIALIZED | MAP_HUGE_2MB | MAP_HUGE_1GB)

bool mm_norandmaps;
option_flag(norandmaps, &mm_norandmaps,
	    "programs, mappings, heap and stack always at the same addresses");

uint64_t map_random(const struct mm *mm, uint64_t pages)
{
	return mm_norandmaps || mm->fixed_places ? 0 : (arch_random() & (pages - 1)) << PAGE_SHIFT;
}

/* ---- taking out ---- */

/* Takes [start, end) from v, which overlaps it and is not cut in two by it. */
static void trim(struct mm *mm, struct vma *v, vaddr_t start, vaddr_t end, struct vma **dead)
{
	if (v->start < start) {
		hugetlb_forget(v, start, MIN(v->end, end));
		vma_rebound(mm, v, v->start, start);
	} else if (v->end > end) {
		hugetlb_forget(v, v->start, end);
		vma_rebound(mm, v, end, v->end);
	} else {
		vma_kill(mm, v, dead);
	}
}

/* Keeps faults out of [start, end), of which v is the first VMA. */
static void mark_range(struct mm *mm, struct vma *v, vaddr_t end)
{
	vma_mark(mm, v);
	while (unlikely(v->end < end) && (v = vma_next(v)) && v->start < end)
		vma_mark(mm, v);
}

static __always_inline_ void zap(struct mm *mm, vaddr_t start, vaddr_t end)
{
	struct gather g;

	if (end - start > HUGE_SIZE)
		mm_note_rss(mm);
	gather_init_for(&g, &mm->as, FLUSH_UNMAP);
	pt_zap(&mm->as, start, end, &g);
	gather_finish(&g);
}

/*
 * An address space with shared tables or explicit huge pages: the tables at the ends become its own,
 * and no end may be inside of such a page. v is the first VMA in the range.
 */
static __attribute__((noinline)) int look_closer(struct mm *mm, struct vma *v, vaddr_t start,
						 vaddr_t end)
{
	for (; v && v->start < end; v = vma_next(v))
		if (vma_is_huge(v) && !hugetlb_whole(v, start, end))
			return -EINVAL;
	return pt_own_edges(&mm->as, start, end);
}

int map_take_out(struct mm *mm, vaddr_t start, vaddr_t end, struct vma **dead)
{
	struct vma *v = vma_lookup(mm, start), *next;
	uint64_t promised = 0;
	int err;

	if (!v || v->start >= end)
		return 0;
	mark_range(mm, v, end);
	if (unlikely(mm->as.uncommon)) {
		err = look_closer(mm, v, start, end);
		if (err)
			return err;
	}
	if (v->start < start && v->end > end &&
	    (mm->nvmas >= vm_max_map_count || !vma_split(mm, v, end)))
		return -ENOMEM;
	zap(mm, start, end);
	for (; v && v->start < end; v = next) {
		next = v->end < end ? vma_next(v) : NULL;
		if (v->flags & VM_ACCOUNT)
			promised += (MIN(v->end, end) - MAX(v->start, start)) >> PAGE_SHIFT;
		trim(mm, v, start, end, dead);
	}
	if (promised)
		commit_release(promised);
	return 0;
}

int mm_munmap(struct mm *mm, vaddr_t addr, size_t len)
{
	struct vma *dead = NULL;
	int err;

	if (!IS_ALIGNED(addr, PAGE_SIZE) || addr > mm_user_end() || len > mm_user_end() - addr)
		return -EINVAL;
	len = ALIGN_UP(len, PAGE_SIZE);
	if (len == 0)
		return -EINVAL;
	mm_write_lock(mm);
	err = map_take_out(mm, addr, addr + len, &dead);
	mm_write_unlock(mm);
	vma_bury(dead);
	return err;
}

bool mm_reap(struct mm *mm)
{
	struct vma *dead = NULL;
	int err;

	if (!write_trylock(&mm->lock))
		return false;
	err = map_take_out(mm, 0, mm_user_end(), &dead);
	mm_write_unlock(mm);
	vma_bury(dead);
	return !err;
}

/* ---- placing ---- */

/* A hint counts if the range does not cross from the 47-bit part into what is above. */
static bool hint_valid(vaddr_t addr, size_t len)
{
	return addr >= USER_MIN && addr <= mm_user_end() - len &&
	       (addr > USER_END_4) == (addr + len > USER_END_4);
}

static bool hint_free(struct mm *mm, vaddr_t addr, size_t len)
{
	struct vma *next = vma_find(mm, addr);

	return !next || addr + len <= vma_room(next);
}

vaddr_t map_place(struct mm *mm, vaddr_t hint, size_t len, int flags, struct vma **next)
{
	bool high = hint > USER_END_4, low = flags & MAP_32BIT;
	vaddr_t end = high ? mm_user_end() : USER_END_4, at;

	*next = NULL;
	if (hint && hint_valid(hint, len) && hint_free(mm, hint, len) &&
	    (!low || hint + len <= LOW_END))
		return hint;
	if (low)
		return vma_gap_bottom(mm, LOW_START, LOW_END, len);
	at = vma_gap_top(mm, USER_MIN, mm->mmap_top + (end - USER_END_4), len, next);
	if (likely(at))
		return at;
	*next = NULL;
	return vma_gap_bottom(mm, ALIGN_UP(USER_END_4 / 3, PAGE_SIZE), end, len);
}

static bool taken(struct mm *mm, vaddr_t addr, size_t len)
{
	struct vma *v = vma_find(mm, addr);

	return v && v->start < addr + len;
}

static bool taken_now(struct mm *mm, vaddr_t addr, size_t len)
{
	bool yes;

	read_lock(&mm->lock);
	yes = taken(mm, addr, len);
	read_unlock(&mm->lock);
	return yes;
}

/* A place in which 2 MB of the object s->obj can be 2 MB of the mapping, if huge pages may come there. */
static __attribute__((noinline)) vaddr_t place_object(struct mm *mm, vaddr_t hint, size_t len, int flags,
						      struct vma_spec *s)
{
	vaddr_t at = map_place(mm, hint, len, flags, &s->next), even;
	vaddr_t off = (s->pgoff << PAGE_SHIFT) & (HUGE_SIZE - 1);

	if (!at || at == hint || len < HUGE_SIZE || !(s->flags & VM_SHARED) || !shmem_may_want(s->obj) ||
	    IS_ALIGNED(at - off, HUGE_SIZE))
		return at;
	even = map_place(mm, 0, len + HUGE_SIZE - PAGE_SIZE, flags, &s->next);
	s->next = NULL;
	return even ? ALIGN_UP(even - off, HUGE_SIZE) + off : at;
}

/*
 * Where the mapping s goes; with MAP_FIXED what was there is taken out. s->next as map_place.
 * mm.lock held for writing.
 */
static __always_inline_ long make_room(struct mm *mm, vaddr_t addr, size_t len, int flags, struct vma_spec *s,
		      struct vma **dead)
{
	int err;

	if (likely(!(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_HUGETLB)))) {
		addr = unlikely(s->obj) ? place_object(mm, addr, len, flags, s) :
					  map_place(mm, addr, len, flags, &s->next);
		return addr ? (long)addr : -ENOMEM;
	}
	if (!(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))) {
		addr = hugetlb_place(mm, addr, len, flags, s->obj);
		return addr ? (long)addr : -ENOMEM;
	}
	if (flags & MAP_FIXED_NOREPLACE && taken(mm, addr, len))
		return -EEXIST;
	err = map_take_out(mm, addr, addr + len, dead);
	return err ? err : (long)addr;
}

/* ---- mmap ---- */

/* Can a file be so large that it has len bytes from page pgoff on? */
static bool in_files(uint64_t pgoff, size_t len)
{
	return pgoff <= (FILE_SIZE_MAX - len) >> PAGE_SHIFT;
}

/* The arguments as Linux checks them; len is made whole pages, an addr that is no order a hint. */
static int check_range(vaddr_t *addr, size_t *len, int flags, uint64_t pgoff)
{
	if (*len == 0)
		return -EINVAL;
	*len = ALIGN_UP(*len, PAGE_SIZE);
	if (*len == 0)
		return -ENOMEM;
	if (pgoff + (*len >> PAGE_SHIFT) < pgoff)
		return -EOVERFLOW;
	if (*len > mm_user_end())
		return -ENOMEM;
	if (!(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))) {
		*addr = ALIGN_DOWN(*addr, PAGE_SIZE);
		if (*addr && *addr < USER_MIN)
			*addr = USER_MIN;
		return 0;
	}
	if (*addr > mm_user_end() - *len)
		return -ENOMEM;
	if (!IS_ALIGNED(*addr, PAGE_SIZE))
		return -EINVAL;
	return *addr < USER_MIN ? -EPERM : 0;
}

static unsigned rights_of(int prot)
{
	return (prot & PROT_READ ? VM_READ : 0) | (prot & PROT_WRITE ? VM_WRITE : 0) |
	       (prot & PROT_EXEC ? VM_EXEC : 0);
}

/* What the VMA's flags will be. */
static int vma_flags(int prot, int flags, const struct object *obj, unsigned *out)
{
	int type = flags & MAP_TYPE;
	unsigned f = rights_of(prot) | (prot & MM_PROT_NEVER_EXEC ? VM_NEVER_EXEC : 0);

	if (flags & MAP_GROWSDOWN)
		f |= VM_GROWSDOWN;
	if (flags & MAP_NORESERVE && READ_ONCE(vm_overcommit_memory) != OVERCOMMIT_NEVER)
		f |= VM_NORESERVE;
	if (type == MAP_SHARED_VALIDATE && obj && flags & ~LEGACY_FLAGS)
		return -EOPNOTSUPP;
	if (flags & MAP_LOCKED)
		f |= VM_LOCKED;
	if (type == MAP_SHARED || (type == MAP_SHARED_VALIDATE && obj)) {
		f |= VM_SHARED;
		if (!(prot & MM_PROT_NEVER_WRITE) && (!obj || obj->writable))
			f |= VM_MAYWRITE;
		if (f & VM_WRITE && !(f & VM_MAYWRITE))
			return -EACCES;
	} else if (type == MAP_PRIVATE) {
		f |= VM_MAYWRITE;
	} else {
		return -EINVAL;
	}
	if (f & VM_GROWSDOWN && (obj || f & VM_SHARED))
		return -EINVAL;
	*out = f;
	return 0;
}

/* Pages mapped in [start, end). */
static uint64_t pages_within(struct mm *mm, vaddr_t start, vaddr_t end)
{
	uint64_t n = 0;

	for (struct vma *v = vma_find(mm, start); v && v->start < end; v = vma_next(v))
		n += (MIN(v->end, end) - MAX(v->start, start)) >> PAGE_SHIFT;
	return n;
}

/* Do limits allow the mapping? What it replaces counts for it. */
static __always_inline_ int check_limits(struct mm *mm, vaddr_t addr, size_t len, int flags, unsigned vm_flags)
{
	uint64_t pages = len >> PAGE_SHIFT;

	if (mm->nvmas > vm_max_map_count)
		return -ENOMEM;
	if (unlikely(vm_flags & VM_LOCKED) && !map_may_lock(mm, vm_flags, pages))
		return -EAGAIN;
	if (likely(map_may_expand(mm, vm_flags, pages)))
		return 0;
	if (flags & MAP_FIXED)
		pages -= pages_within(mm, addr, addr + len);
	return map_may_expand(mm, vm_flags, pages) ? 0 : -ENOMEM;
}

/* Promises what the mapping may need: for itself, or (shm) for the object made for it. */
static __always_inline_ int promise(struct mm *mm, struct vma_spec *s, uint64_t pages, struct object *shm)
{
	int err;

	if (shm && !(s->flags & VM_NORESERVE)) {
		err = map_promise(mm, pages);
		shm->promised = err ? 0 : pages;
		return err;
	}
	if (!map_is_promise(s->flags))
		return 0;
	s->flags |= VM_ACCOUNT;
	return map_promise(mm, pages);
}

/*
 * Makes room and maps; shm: the object was made for it, and has no promise yet. mm.lock held for writing. (In
 * one piece with what mmap does around it.)
 */
static __always_inline_ long map_at(struct mm *mm, vaddr_t addr, int flags, struct vma_spec *s, struct object *shm,
				    struct vma **spare, struct vma **dead)
{
	size_t len = s->end;
	long at;
	int err;

	s->flags |= mm->lock_new;
	err = check_limits(mm, addr, len, flags, s->flags);
	if (err)
		return err;
	at = make_room(mm, addr, len, flags, s, dead);
	if (at < 0)
		return at;
	err = promise(mm, s, len >> PAGE_SHIFT, shm);
	if (err)
		return err;
	s->start = at;
	s->end = at + len;
	vma_add_joined(mm, s, spare, dead);
	return at;
}

/*
 * Keeps a seal against writing off the object until its mapping counts: *pinned, then the caller unpins it. Where
 * the seal is there already the mapping may be read for ever, but not written.
 */
static __always_inline_ int pin_writer(struct vma_spec *s, bool *pinned)
{
	const unsigned writes = VM_SHARED | VM_MAYWRITE;

	*pinned = s->obj && (s->flags & writes) == writes;
	if (!*pinned || object_pin_writer(s->obj) == 0)
		return 0;
	*pinned = false;
	if (s->flags & VM_WRITE)
		return -EPERM;
	s->flags &= ~VM_MAYWRITE;
	return 0;
}

static long map_object(struct mm *mm, vaddr_t addr, int flags, struct vma_spec *s,
		       struct object *shm)
{
	struct vma *spare = vma_alloc(), *dead = NULL;
	bool pinned = false;
	long at = spare ? pin_writer(s, &pinned) : -ENOMEM;

	if (!at) {
		mm_write_lock(mm);
		at = map_at(mm, addr, flags, s, shm, &spare, &dead);
		mm_write_unlock(mm);
	}
	if (pinned)
		object_unpin_writer(s->obj);
	if (unlikely(spare))
		vma_drop(spare);
	if (unlikely(dead))
		vma_bury(dead);
	return at;
}

long map_over(struct mm *mm, vaddr_t at, struct vma_spec *s, struct vma **spare, struct vma **dead)
{
	bool pinned = false;
	long r = in_files(s->pgoff, s->end) ? pin_writer(s, &pinned) : -EOVERFLOW;

	if (!r)
		r = map_at(mm, at, MAP_FIXED, s, NULL, spare, dead);
	if (pinned)
		object_unpin_writer(s->obj);
	return r;
}

/* Are the pages of a new mapping wanted at once? */
static bool wants_pages(int flags, unsigned vm_flags)
{
	return (vm_flags & VM_LOCKED || (flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE) &&
	       !(vm_flags & VM_LOCKONFAULT);
}

int mm_mmap_place(struct mm *mm, vaddr_t addr, size_t len, int flags, uint64_t pgoff)
{
	int err = check_range(&addr, &len, flags, pgoff);

	return !err && flags & MAP_FIXED_NOREPLACE && taken_now(mm, addr, len) ? -EEXIST : err;
}

long mm_mmap(struct mm *mm, vaddr_t addr, size_t len, int prot, int flags, struct object *obj,
	     uint64_t pgoff)
{
	struct vma_spec s = { .obj = obj, .pgoff = pgoff };
	struct object *shm = NULL;
	long at;
	int err = check_range(&addr, &len, flags, pgoff);

	if (!err && flags & MAP_FIXED_NOREPLACE && taken_now(mm, addr, len))
		err = -EEXIST;		/* before anything that is wrong with flags and object */
	if (!err && flags & MAP_LOCKED && !map_can_lock(mm))
		err = -EPERM;
	if (!err && obj && !in_files(pgoff, len))
		err = -EOVERFLOW;
	if (!err)
		err = vma_flags(prot, flags, obj, &s.flags);
	if (err)
		return err;
	if (unlikely(flags & MAP_HUGETLB || object_is_huge(obj))) {
		flags |= MAP_HUGETLB;
		err = hugetlb_mmap(mm, addr, &len, flags, &s, &shm);
	} else if (!obj && s.flags & VM_SHARED) {
		s.obj = shm = shm_create(len);
		s.pgoff = 0;
		err = shm ? 0 : -ENOMEM;
	}
	s.end = len;
	at = likely(!err) ? map_object(mm, addr, flags, &s, shm) : err;
	if (shm)
		object_put(shm);
	if (at > 0 && wants_pages(flags, s.flags) &&
	    map_populate_vma(mm, s.start, s.end, s.flags) != FAULT_OK)
		return at;		/* the call has succeeded all the same */
	return at;
}
