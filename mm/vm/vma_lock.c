/* The lock of one VMA: its rare parts. vma_lock.h has what it is about. */
#include <mm/vm/vma.h>
#include <mm/alloc/stat.h>

/*
 * Readers do not sleep, so each is running on another CPU: there it may be
 * waiting for this one's acknowledgement of a flush, which comes from an interrupt.
 */
__attribute__((noinline)) void vma_wait_readers(const struct vma *v)
{
	assert(arch_ncpus > 1 && irq_enabled());
	vm_count(VMA_LOCK_WAIT, 1);
	while (__atomic_load_n(&v->lock, __ATOMIC_ACQUIRE) & VMA_READERS)
		cpu_relax();
}

__attribute__((noinline)) struct vma *vma_read_lock_found(struct mm *mm, vaddr_t va)
{
	struct vma *v = vma_walk(mm, va);

	if (!v || !vma_read_trylock(mm, v, va))
		return NULL;
	WRITE_ONCE(*vma_hint(mm, va), v);	/* v is in the tree as long as it is locked */
	return v;
}
