/*
 * zswap: pages on their way to a swap device are kept compressed in memory instead, as far as that goes.
 */
#ifndef MM_RECLAIM_ZSWAP_H
#define MM_RECLAIM_ZSWAP_H

#include <mm/alloc/slots.h>

extern bool zswap_on;			/* pages that go out are tried */
extern bool zswap_used;			/* some may be kept: stays when it is turned off, until none is */

/* Turns it on or off; what is kept stays until it is no longer needed. 0 or -ENOMEM. May sleep. */
int __must_check zswap_set(bool on);
/* How much of memory the pool may take, in percent. */
unsigned zswap_max_percent(void);
void zswap_set_max_percent(unsigned percent);
/* At boot: option zswap=. */
void zswap_init(void);

/*
 * p, busy, PG_SWAPCACHE and PG_DIRTY, unmapped and flushed, is kept: it is not PG_DIRTY any more.
 * False: it must go to its device. May write to a device, to make room; so it may sleep.
 */
bool __must_check zswap_store(struct page *p);
/* p, busy and the cache of its slot, gets the content that is kept. False: that is on the device. */
bool __must_check zswap_load(struct page *p);
static inline bool zswap_has(swp_t s)
{
	uint64_t word;

	return zswap_used && slot_kept(s, &word) != SLOT_ON_DEVICE;
}

struct zswap_figures {
	uint64_t stored, filled;	/* slots that are kept; of these, those of a single word */
	uint64_t pool;			/* pages that they take */
	uint64_t poor;			/* not kept: they compressed badly, */
	uint64_t no_memory;		/* or memory was too short for it; */
	uint64_t full;			/* times that the pool had its bounds reached */
	uint64_t written_back;		/* kept first, and written to their device then */
};
void zswap_figures(struct zswap_figures *f);

#endif
