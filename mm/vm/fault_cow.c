/*
 * A write to a page that is mapped without W.
 *
 * Shared memory gets W back: it was only taken by mprotect. A private page
 * is written in place if nobody else can see it: anonymous, this entry its
 * only slot, its reference the only one but for that of a swap cache, out of which it is taken. (Seen under the table's lock, and
 * new slots come only by way of this entry; a reference more, of a gather or
 * of somebody who looks at the page, only makes us copy for nothing.) All
 * else is copied, and the entry gives its slot and reference of the old page
 * up through the gather: other CPUs may be reading it until the flush.
 *
 * The source of the copy is held by a reference, so that its frame cannot
 * become another page's meanwhile: if the entry still names it, it is the
 * same page.
 */
#include <mm/vm/fault.h>
#include <lib/assert.h>

/*
 * Where others may run, the new page comes without W, and gets it when all have forgotten the old one:
 * else one could write to the new page while another one still reads the old.
 */
int fault_replace(struct fault *f, struct cursor *c)
{
	bool alone = READ_ONCE(f->mm->refs) == 1 && !READ_ONCE(f->mm->threaded);

	cursor_replace(c, fault_take_fresh(f), alone ? f->prot | PROT_W : f->prot, fault_gather(f));
	f->need = NEED_NOTHING;
	return likely(alone) ? (int)FAULT_OK : (int)FAULT_AGAIN;
}

/* p is somebody else's too: a copy of it goes in, if there is one, or is asked for. */
static __attribute__((noinline)) int copy_page_of(struct fault *f, struct cursor *c, struct page *p)
{
	if (f->fresh && f->source == p) {
		vm_count(FAULT_COPY, 1);
		return fault_replace(f, c);
	}
	page_get(p);
	if (unlikely(f->fresh || f->source))
		return fault_ask(f, NEED_COPY, p);
	f->need = NEED_COPY;
	f->source = p;
	return FAULT_AGAIN;
}

static __attribute__((noinline)) int write_shared(struct fault *f, struct cursor *c)
{
	cursor_protect(c, f->prot, fault_gather(f));
	return FAULT_OK;
}

int fault_write_present(struct fault *f, struct cursor *c, pte_t e)
{
	struct page *p = pfn_to_page(pte_pfn(e));

	if (unlikely(!fault_private(f)))
		return write_shared(f, c);
	if (!page_is_own(p))
		return copy_page_of(f, c, p);
	vm_count(PGREUSE, 1);
	cursor_give_write(c);
	return FAULT_OK;
}
