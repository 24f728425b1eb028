/*
 * Reference counts: a uint32_t that starts at 1. With the last reference the
 * count is 0 for good, and who took that one out ends the thing.
 */
#ifndef LIB_REF_H
#define LIB_REF_H

#include <lib/assert.h>

/* One more, by who has one or holds what keeps the thing alive. */
static inline void ref_get(uint32_t *refs)
{
	__atomic_fetch_add(refs, 1, __ATOMIC_RELAXED);
}

/* One more of a thing that may be on its way out: false, if the last one has gone. */
static inline bool __must_check ref_tryget(uint32_t *refs)
{
	uint32_t n = __atomic_load_n(refs, __ATOMIC_RELAXED);

	while (n && !__atomic_compare_exchange_n(refs, &n, n + 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		;
	return n;
}

/* One fewer. True: it was the last one; what all others did before is seen. */
static inline bool __must_check ref_put(uint32_t *refs)
{
	debug_assert(__atomic_load_n(refs, __ATOMIC_RELAXED) > 0);
	return __atomic_sub_fetch(refs, 1, __ATOMIC_ACQ_REL) == 0;
}

#endif
