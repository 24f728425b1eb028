/* The stacks of all CPUs go back to the buddy. */
#include <mm/alloc/internal.h>
#include <kernel/core/thread.h>

/* Parked CPUs are in the middle of nothing: their stacks are anybody's. */
void page_drain_all(void)
{
	cpus_park();
	for (unsigned i = 0; i < arch_ncpus; i++)
		for (unsigned type = 0; type < PAGE_MOBILITIES; type++)
			if (pcps[i][type].count)
				pcp_drain(&pcps[i][type], (unsigned)pcps[i][type].count);
	cpus_release();
}
