/*
 * Faults in anonymous private memory: a read of what nobody has written gets
 * the shared zero page, which has no slot and no count; the first write gets
 * a zeroed frame of its own.
 */
#include <mm/vm/fault.h>
#include <lib/assert.h>

int fault_anon_none(struct fault *f, struct cursor *c)
{
	if (!fault_writes(f)) {
		vm_count(FAULT_ZERO_PAGE, 1);
		cursor_map_special(c, zero_pfn, f->prot);
		return FAULT_OK;
	}
	if (unlikely(!f->fresh || f->source))
		return fault_ask(f, NEED_ZEROED, NULL);
	vm_count(FAULT_ANON, 1);
	cursor_map(c, fault_take_fresh(f), f->prot | PROT_W);
	return FAULT_OK;
}

/* Other CPUs may have the zero page cached here: they must not go on reading zeros. */
int fault_zero_page(struct fault *f, struct cursor *c)
{
	assert(pte_pfn(cursor_get(c)).v == zero_pfn.v);
	if (!f->fresh || f->source)
		return fault_ask(f, NEED_ZEROED, NULL);
	vm_count(FAULT_ANON, 1);
	return fault_replace(f, c);
}
