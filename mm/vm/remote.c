/*
 * Memory of another address space than the loaded one, as a program sees its
 * own: pages are brought in by the fault path, a write breaks COW, and the
 * VMA's rights count as they stand (what a CPU could read though nobody said
 * PROT_READ cannot be read here). A stack does not grow by it.
 *
 * A page is read under a reference, with nothing locked: what comes out is
 * what it held while the entry named it. (A write by its owner meanwhile
 * copies for nothing.) A page is written under its table's lock, and only
 * through an entry with W in a table of its own: then this is the frame's only
 * slot, so fork, COW and munmap come before or after, never in between.
 *
 * Locks: mm.lock for reading, then the table; neither while anything faults.
 */
#include <mm/vm/map.h>
#include <arch/uaccess.h>
#include <kernel/core/thread.h>
#include <lib/assert.h>
#include <lib/string.h>
#include <mm/pt/leaf.h>

static bool allowed(struct mm *mm, vaddr_t va, bool write)
{
	const struct vma *v = vma_find(mm, va);

	return v && v->start <= va && v->flags & (write ? VM_WRITE : VM_READ);
}

/* Does c's entry let its owner read, or write, without a fault? */
static bool usable(const struct cursor *c, bool write)
{
	pte_t e = cursor_get(c);

	if (!pte_present(e))
		return false;
	return !write || (pte_writable(e) && !c->table->shared);
}

/*
 * Looks at va's entry under the locks: true, if what is mapped there may be
 * used; then c stands on it, until leave.
 */
static bool enter(struct cursor *c, struct mm *mm, vaddr_t va, bool write)
{
	read_lock(&mm->lock);
	if (allowed(mm, va, write)) {
		cursor_find(c, &mm->as, va, 1);
		if (usable(c, write))
			return true;
		cursor_close(c);
	}
	read_unlock(&mm->lock);
	return false;
}

static void leave(struct cursor *c, struct mm *mm)
{
	cursor_close(c);
	read_unlock(&mm->lock);
}

/* Brings va's page in. False: it cannot be. */
static bool bring(struct mm *mm, vaddr_t va, bool write)
{
	bool ok;

	read_lock(&mm->lock);
	ok = allowed(mm, va, write);
	read_unlock(&mm->lock);
	return ok && vm_fault(mm, va, write ? ACCESS_WRITE : ACCESS_READ) == FAULT_OK;
}

/* enter, with the page brought in as often as it must be. False: it cannot be used so. */
static bool __must_check enter_faulting(struct cursor *c, struct mm *mm, vaddr_t va, bool write)
{
	while (!enter(c, mm, va, write))
		if (!bring(mm, va, write))
			return false;
	return true;
}

size_t mm_remote_fault(struct mm *mm, vaddr_t va, size_t n, bool write)
{
	size_t there = 0;
	struct cursor c;

	while (there < n && enter_faulting(&c, mm, va + there, write)) {
		leave(&c, mm);
		there += PAGE_SIZE - (va + there) % PAGE_SIZE;
		resched_point();
	}
	return MIN(there, n);
}

size_t mm_remote_read(struct mm *mm, vaddr_t va, void __user *to, size_t n)
{
	const void *from;
	struct cursor c;
	struct page *p;
	size_t left;

	debug_assert(n && va % PAGE_SIZE + n <= PAGE_SIZE);
	if (!enter_faulting(&c, mm, va, false))
		return 0;
	from = leaf_at(&c, va);
	p = leaf_hold(&c);
	leave(&c, mm);
	left = copy_to_user(to, from, n);
	leaf_let(&c, p);
	return n - left;
}

bool mm_remote_write(struct mm *mm, vaddr_t va, const void *from, size_t n)
{
	struct cursor c;

	debug_assert(n && va % PAGE_SIZE + n <= PAGE_SIZE);
	if (!enter_faulting(&c, mm, va, true))
		return false;
	memcpy(leaf_at(&c, va), from, n);
	cursor_mark_written(&c);
	leave(&c, mm);
	return true;
}
