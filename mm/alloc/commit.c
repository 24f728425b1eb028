/*
 * The count of promised pages: a number for each CPU, changed by that CPU
 * alone without a lock or an atomic operation (the kernel is not preemptible,
 * interrupt handlers promise nothing), so that mmap on many CPUs shares no
 * line of cache. A single one may be negative: another CPU released what this
 * one charged. Their sum is the truth.
 *
 * In mode 2 charges go to one common number, changed atomically, before the
 * sum is looked at: of two that do not both fit one at least sees the other.
 *
 * Linux: Documentation/mm/overcommit-accounting.rst.
 */
#include <mm/alloc/commit.h>
#include <arch/cpu.h>
#include <mm/alloc/slots.h>

#include <asm-generic/errno-base.h>
#include <linux/mman.h>

#define ADMIN_RESERVE_KB	8192u	/* at most, and a 32nd of what is free */
#define USER_RESERVE_KB		131072u
#define KB_SHIFT		(PAGE_SHIFT - 10)

uint64_t vm_overcommit_memory = OVERCOMMIT_GUESS, vm_overcommit_ratio = 50, vm_overcommit_kbytes;
uint64_t vm_admin_reserve_kbytes, vm_user_reserve_kbytes;

struct commit {
	int64_t pages;			/* its CPU's alone; read by all */
} __attribute__((aligned(64)));

static struct commit commits[MAX_CPUS];
static int64_t common;			/* atomic */

static inline void count(int64_t pages)
{
	struct commit *c = &commits[this_cpu()->id];

	WRITE_ONCE(c->pages, c->pages + pages);
}

static int64_t sum(void)
{
	int64_t n = __atomic_load_n(&common, __ATOMIC_SEQ_CST);

	for (unsigned i = 0; i < arch_ncpus; i++)
		n += READ_ONCE(commits[i].pages);
	return n;
}

uint64_t commit_total(void)
{
	int64_t n = sum();

	return n > 0 ? (uint64_t)n : 0;
}

uint64_t commit_limit(void)
{
	uint64_t kbytes = READ_ONCE(vm_overcommit_kbytes);

	uint64_t ram = kbytes ? kbytes >> KB_SHIFT :
		       page_total_count() * READ_ONCE(vm_overcommit_ratio) / 100;

	return ram + slots_total();
}

/* What of the limit w has to leave. */
static uint64_t reserve(struct commit_for w)
{
	uint64_t kept = MIN(w.mapped / 32, READ_ONCE(vm_user_reserve_kbytes) >> KB_SHIFT);

	return w.admin ? kept : kept + (READ_ONCE(vm_admin_reserve_kbytes) >> KB_SHIFT);
}

static __attribute__((noinline)) int charge_strictly(uint64_t pages, struct commit_for w)
{
	uint64_t limit = commit_limit(), kept = reserve(w);

	__atomic_fetch_add(&common, (int64_t)pages, __ATOMIC_SEQ_CST);
	if (limit > kept && commit_total() < limit - kept)
		return 0;
	__atomic_fetch_sub(&common, (int64_t)pages, __ATOMIC_SEQ_CST);
	return -ENOMEM;
}

int commit_charge(uint64_t pages, struct commit_for w)
{
	uint64_t mode = READ_ONCE(vm_overcommit_memory);

	if (unlikely(mode == OVERCOMMIT_NEVER))
		return charge_strictly(pages, w);
	if (unlikely(pages > page_total_count()) && mode == OVERCOMMIT_GUESS &&
	    pages > page_total_count() + slots_total())
		return -ENOMEM;
	count((int64_t)pages);
	return 0;
}

void commit_add(uint64_t pages)
{
	count((int64_t)pages);
}

void commit_release(uint64_t pages)
{
	count(-(int64_t)pages);
}

void commit_init(void)
{
	uint64_t share = (page_free_count() << KB_SHIFT) / 32;

	vm_admin_reserve_kbytes = MIN(share, ADMIN_RESERVE_KB);
	vm_user_reserve_kbytes = MIN(share, USER_RESERVE_KB);
}
