/*
 * Faults at entries of 2 MB in shared mappings of memory objects.
 *
 *	entry			done
 *	------------------------------------------------------------------
 *	none			the object's 512 pages there, if they are a block; if it has none of them, and
 *				that is wanted, a block is made outside of the locks; if it has some: 4 KB, fault_file.c
 *	leaf, W missing		W back
 *	noaccess		rights back
 *	table			4 KB: fault_file.c
 *
 * A huge page comes where nothing is mapped in the 2 MB around the address, all of them lie in the VMA and
 * before the end of the object, at an even place of both, and it is allowed (thp.h). As a small one it is mapped
 * with the pages busy; if somebody has one of them, that page is waited for outside: not by its index, where the
 * object, cut short meanwhile, may have nothing, though it has what f wants. Without a block the fault goes on with 4 KB.
 *
 * Private mappings of such objects have no huge pages: what is copied for them is copied by 4 KB.
 */
#include <mm/vm/fault.h>
#include <mm/alloc/block.h>
#include <mm/reclaim/compact.h>

#include <linux/errno.h>

static uint64_t first_index(const struct fault *f)
{
	return vma_pgoff(f->vma, f->va & -HUGE_SIZE);
}

bool fault_wants_shmem(const struct fault *f)
{
	unsigned level;

	return !f->small && shmem_allowed(f->vma) && thp_fits(f->vma, f->va) &&
	       first_index(f) % BLOCK_PAGES == 0 &&
	       pte_is_none(pt_lookup(&f->mm->as, f->va, &level)) && level > 1;
}

int fault_make_block(struct fault *f)
{
	int err = object_make_block(f->wait_obj, f->wait_index);

	object_put(f->wait_obj);
	vm_count(err ? THP_FILE_FALLBACK : THP_FILE_ALLOC, err != -EEXIST);
	f->small = err && err != -EEXIST;
	if (err == -ENOMEM)
		compact_wake();
	return FAULT_OK;
}

/* FAULT_OK: *head is what can be mapped, busy and referenced; NULL: nothing is to be. */
static int hold_block(struct fault *f, struct page **head)
{
	struct page *busy;

	*head = NULL;
	if (f->need != NEED_HUGE)
		return FAULT_OK;
	switch (object_lock_block(f->vma->obj, first_index(f), head)) {
	case 0:
		return FAULT_OK;
	case -ENOENT:
		if (!shmem_wanted(f->vma))
			return FAULT_SMALL;
		return fault_wait_object(f, first_index(f), FAULT_WAIT_BLOCK);
	case -EAGAIN:
		busy = *head;
		*head = NULL;
		return fault_wait_busy(f, busy);
	default:
		return FAULT_SMALL;
	}
}

/* *mapped: the references of head are the leaf's now. */
static int shmem_entry(struct fault *f, struct cursor *c, struct page *head, bool *mapped)
{
	pte_t e = cursor_get(c);

	switch (pte_kind(e, c->level)) {
	case PTE_NONE:
		if (!head)
			return FAULT_SMALL;
		vm_count(THP_FILE_MAPPED, 1);
		cursor_map(c, head, f->prot);
		*mapped = true;
		return FAULT_OK;
	case PTE_HUGE:
		if (!fault_writes(f) || pte_writable(e))
			return fault_allowed(f, c, e);
		cursor_protect(c, f->prot, fault_gather(f));
		return FAULT_OK;
	default:
		return fault_huge_else(f, c, e);
	}
}

static int settle_once(struct fault *f)
{
	bool mapped = false;
	struct page *head;
	struct cursor c;
	int r = hold_block(f, &head);

	if (r == FAULT_OK && cursor_open(&c, &f->mm->as, f->va, 2)) {
		r = FAULT_OOM;
	} else if (r == FAULT_OK) {
		r = shmem_entry(f, &c, head, &mapped);
		cursor_close(&c);
	}
	if (head)
		object_unlock_block(head, mapped);
	if (f->gathering)
		gather_finish(&f->g);
	return r;
}

int fault_settle_shmem(struct fault *f)
{
	int r;

	do
		r = settle_once(f);
	while (r == FAULT_AGAIN);
	if (r == FAULT_SMALL)
		fault_ask(f, NEED_NOTHING, NULL);
	return r;
}
