/*
 * The kernel's symbol table, filled by tools/ksyms between the two links of
 * the kernel: ascending addresses, and for each its name's offset in one
 * string of names. Empty in the first link.
 */
#include <lib/ksyms.h>
#include <arch/machine.h>

extern const uint64_t ksyms_count, ksyms_addr[];
extern const uint32_t ksyms_name_off[];
extern const char ksyms_names[];

const char *ksym_lookup(vaddr_t addr, uint64_t *offset)
{
	uint64_t lo = 0, hi = READ_ONCE(ksyms_count);

	if (addr < (vaddr_t)text_start || addr >= (vaddr_t)text_end)
		return NULL;
	while (lo < hi) {	/* [0, lo) starts at or below addr, [hi, count) above */
		uint64_t mid = lo + (hi - lo) / 2;

		if (ksyms_addr[mid] <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return NULL;
	*offset = addr - ksyms_addr[lo - 1];
	return ksyms_names + ksyms_name_off[lo - 1];
}
