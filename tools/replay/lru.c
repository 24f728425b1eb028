/*
 * LRU to the letter: the page goes that has not been used for the longest time. It is what
 * clocks stand for; to have it, a machine would have to note the order of all uses, not
 * a bit for each page. It knows no anomaly: what is in memory with n frames is there with
 * n + 1, too (Mattson, Gecsei, Slutz, Traiger, "Evaluation techniques for storage
 * hierarchies", IBM Systems Journal 9(2), 1970).
 */
#include <tools/replay/replay.h>
#include <stdlib.h>
#include <string.h>

struct slot {
	TAILQ_ENTRY(slot) link;
	bool here, been;
};
TAILQ_HEAD(slots, slot);

void replay_lru(uint32_t frames, const struct trace *t, struct score *s)
{
	struct slot *page = must_alloc(t->npages, sizeof(*page));
	struct slots order = TAILQ_HEAD_INITIALIZER(order);	/* used last: at the tail */
	uint32_t used = 0;

	memset(s, 0, sizeof(*s));
	for (uint32_t i = 0; i < t->nrefs; i++) {
		struct slot *p = &page[t->refs[i]], *oldest;

		if (p->here) {
			s->hits++;
			TAILQ_REMOVE(&order, p, link);
		} else {
			s->faults++;
			s->refaults += p->been;
			if (used == frames) {
				oldest = TAILQ_FIRST(&order);
				TAILQ_REMOVE(&order, oldest, link);
				oldest->here = false;
				used--;
			}
			used++;
		}
		p->here = p->been = true;
		TAILQ_INSERT_TAIL(&order, p, link);
	}
	free(page);
}
