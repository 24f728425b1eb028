/*
 * Faults that meet a page on its way to another frame (mm/pt/migrate.c): who needs it waits until it is not busy
 * any more, and makes the entry what it was if that has been left to him.
 */
#include <mm/vm/fault.h>
#include <mm/alloc/busy.h>

int fault_migrating(struct fault *f, struct cursor *c, pte_t e)
{
	struct page *p = pfn_to_page(pte_pfn(e));
	bool full;

	if (f->ncached)			/* it may be ourselves who have it busy */
		return fault_ask(f, NEED_NOTHING, NULL);
	if (!(READ_ONCE(p->flags) & PG_BUSY)) {
		if (!cursor_arrive(c))
			cursor_clear(c, fault_gather(f), &full);
		return FAULT_AGAIN;
	}
	page_get(p);
	return fault_wait_busy(f, p);
}

int fault_wait_busy(struct fault *f, struct page *p)
{
	if (f->held)
		page_put(f->held);
	f->held = p;
	return FAULT_WAIT_BUSY;
}

int fault_wait_held(struct fault *f)
{
	page_wait_busy(f->held);
	page_put(f->held);
	f->held = NULL;
	return FAULT_OK;
}
