/*
 * What the host tests of all of mm share, over pt_machine.h: what mm asks of
 * the floors that are not linked, and a place where "another thread" can come
 * between: whatever clears or copies a page holds no lock but its VMA's, or mm.lock for
 * reading.
 */
#ifndef TESTS_HOST_MM_MACHINE_H
#define TESTS_HOST_MM_MACHINE_H

#include <tests/host/pt_machine.h>
#include <arch/uaccess.h>
#include <kernel/core/mutex.h>
#include <mm/alloc/slab.h>
#include <mm/mm.h>
#include <errno.h>
#include <string.h>

/* ---- what mm asks of the floors that are not here ---- */

void grace_wait(void) { fake_grace_run(); }
void sleep_ns(uint64_t ns) { (void)ns; }	/* time passes */
uint64_t arch_random(void) { return tap_random(); }
uint64_t kstack_bytes(void) { return 0; }

void waitq_sleep(struct waitq *q, uint64_t *flags)
{
	(void)q, (void)flags;
	panic("somebody sleeps");
}

int waitq_sleep_until(struct waitq *q, uint64_t *flags, uint64_t deadline_ns)
{
	(void)deadline_ns;
	waitq_sleep(q, flags);
	return 0;
}

void rwlock_init(struct rwlock *l, enum lock_rank rank) { *l = (struct rwlock){ .rank = rank }; }

void read_lock(struct rwlock *l)
{
	assert(l->count >= 0);
	if (l->count++ == 0)		/* the other thread's ranks are its own */
		lock_rank_acquire(l, l->rank);
}

void read_unlock(struct rwlock *l)
{
	assert(l->count > 0);
	if (--l->count == 0)
		lock_rank_release(l);
}

void write_lock(struct rwlock *l)
{
	assert(l->count == 0);
	l->count = -1;
	lock_rank_acquire(l, l->rank);
}

bool read_trylock(struct rwlock *l)
{
	if (l->count < 0)
		return false;
	read_lock(l);
	return true;
}

bool write_trylock(struct rwlock *l)
{
	if (l->count)
		return false;
	write_lock(l);
	return true;
}

void write_unlock(struct rwlock *l)
{
	assert(l->count == -1);
	l->count = 0;
	lock_rank_release(l);
}

/* ---- files: the first word of each page says which it is ---- */

#define FILES		2u
#define FILE_PAGES	300u

static struct object file[FILES];
static bool fill_fails;			/* with -EIO */

static uint64_t file_word(const struct object *o, uint64_t index)
{
	return 0xf11e000000000000ul | (uint64_t)(o - file) << 32 | index;
}

static int file_fill(struct object *o, uint64_t index, struct page *p)
{
	uint64_t *word = page_to_virt(p);

	if (fill_fails)
		return -EIO;
	memset(word, 0, PAGE_SIZE);
	word[0] = file_word(o, index);
	return 0;
}

static const struct object_ops file_ops = { .fill = file_fill, .io = true };

/* ---- the other thread ---- */

static void (*mm_between)(void);	/* called at each page cleared or copied; NULL: nobody */

static void between(void)
{
	void (*fn)(void) = mm_between;
	struct cpu *c = this_cpu();
	struct cpu before = *c;

	if (!fn)
		return;
	mm_between = NULL;
	c->nheld = 0;			/* what this thread holds the other does not */
	fn();
	c->nheld = before.nheld;
	memcpy(c->held, before.held, sizeof(c->held));
	mm_between = fn;
}

void clear_page(void *p)
{
	memset(p, 0, PAGE_SIZE);
	between();
}

void copy_page(void *dst, const void *src)
{
	memcpy(dst, src, PAGE_SIZE);
	between();
}

/* ---- accesses by the program ---- */

static struct mm *mm_loaded;
static uint64_t seen[FAULT_OOM + 1];	/* faults that ended so */

static inline void mm_load(struct mm *mm)
{
	mm_loaded = mm;
	aspace_load(mm ? &mm->as : &kernel_aspace);
}

/* One access, faults and all: *word is where the first word of the page is. */
static enum fault_result touch(vaddr_t va, unsigned access, uint64_t **word)
{
	enum fault_result r;
	unsigned level;
	pfn_t f;

	for (unsigned i = 0; i < 4; i++) {
		if (fake_access(va, access | ACCESS_USER, &f)) {
			*word = phys_to_virt(pfn_to_paddr(f));
			return FAULT_OK;
		}
		if (pte_present(pt_lookup(&mm_loaded->as, va, &level)))
			access |= ACCESS_PRESENT;
		r = vm_fault(mm_loaded, va, access | ACCESS_USER);
		access &= ~ACCESS_PRESENT;
		seen[r]++;
		if (r != FAULT_OK)
			return r;
	}
	CHECK(!"fault settled, and the access faults again");
	return FAULT_OOM;
}

void mutex_init(struct mutex *m, enum lock_rank rank) { *m = (struct mutex){ .rank = rank }; }

void mutex_lock(struct mutex *m)
{
	assert(!m->held);
	m->held = 1;
	lock_rank_acquire(m, m->rank);
}

void mutex_unlock(struct mutex *m)
{
	assert(m->held);
	m->held = 0;
	lock_rank_release(m);
}

/* No test here writes to an object. */
size_t copy_from_user(void *dst, const void __user *src, size_t n)
{
	(void)dst, (void)src;
	return n;
}

size_t copy_to_user(void __user *dst, const void *src, size_t n)
{
	uint64_t *word;

	for (size_t i = 0; i < n; i++) {
		vaddr_t va = (vaddr_t)dst + i;

		if (touch(va, ACCESS_WRITE, &word) != FAULT_OK)
			return n - i;
		((char *)word)[va % PAGE_SIZE] = ((const char *)src)[i];
	}
	return 0;
}

/* ---- a test's beginning and end ---- */

static inline void mm_check(void)
{
	char why[200];

	if (mm_verify(why, sizeof(why)))
		printf("# mm_verify: %s\n", why);
	CHECK(!why[0]);
	check_tlb();
}

static inline void mm_machine_cpus(unsigned levels, unsigned cpus)
{
	machine(levels, cpus, 64 << 20);
	slab_init();
	mm_init();
	mm_norandmaps = true;
	for (unsigned i = cpus; i-- > 0; ) {
		fake_on_cpu(i);
		kfree(kmalloc(1));	/* what the first allocation makes stays */
		slab_shrink();
	}
	free_at_start = page_free_count();
	for (unsigned i = 0; i < FILES; i++)
		object_init(&file[i], &file_ops, FILE_PAGES * PAGE_SIZE - 100);
}

static inline void mm_machine(unsigned levels) { mm_machine_cpus(levels, 1); }

/* All mms are gone: so must be everything else. */
static inline void mm_machine_end(void)
{
	for (unsigned i = 0; i < FILES; i++)
		object_put(&file[i]);
	fake_grace_run();
	mm_check();
	CHECK_EQ(objects_npages(), 0);
	slab_shrink();
	CHECK_EQ(page_free_count(), free_at_start);
}

#endif
