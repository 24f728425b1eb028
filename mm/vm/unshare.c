/*
 * What reclaim cannot do itself: a table of huge leaves that a fork shares becomes an address
 * space's own, so that they can become tables (mm/reclaim/blocks.c). For that no fork of it may be under way.
 *
 * Locks: mm.lock for reading, by a try: who reclaims waits for nobody.
 */
#include <lib/ref.h>
#include <mm/mm.h>
#include <mm/pt/pt.h>
#include <mm/reclaim/reclaim.h>
#include <mm/vm/mms.h>

bool mm_unshare(struct aspace *as, vaddr_t va)
{
	struct mm *mm = container_of(as, struct mm, as);
	bool alive = as->in_mm && ref_tryget(&mm->refs), done;

	aspace_unpin(as);		/* whose end waits for that */
	if (!alive)
		return false;
	done = read_trylock(&mm->lock);
	if (done) {
		done = pt_own(as, va, va + PAGE_SIZE) == 0;
		read_unlock(&mm->lock);
	}
	mm_put(mm);
	return done;
}
