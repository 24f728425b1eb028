/* Memory limits; see limit.h. */
#include <mm/alloc/limit.h>
#include <kernel/core/thread.h>
#include <lib/assert.h>
#include <lib/lock.h>

static struct memlimit limits[LIMITS_MAX];
static struct spinlock limits_lock = SPINLOCK_INIT(RANK_LISTS);
bool limits_on;

uint16_t limit_current(void)
{
	const struct thread *t = this_cpu()->current;

	return t && t->aspace ? READ_ONCE(t->aspace->limit_id) : 0;
}

const struct memlimit *limit_of(uint16_t id)
{
	assert(id && id < LIMITS_MAX);
	return &limits[id];
}

/* ---- charges ---- */

static void take_off(uint16_t id, uint16_t end, uint64_t n)
{
	for (; id != end; id = limits[id].around)
		assert(__atomic_fetch_sub(&limits[id].used, n, __ATOMIC_RELAXED) >= n);
}

static bool add(struct memlimit *l, uint64_t n, bool force)
{
	uint64_t used = __atomic_add_fetch(&l->used, n, __ATOMIC_RELAXED);
	uint64_t peak = READ_ONCE(l->peak);

	if (used > READ_ONCE(l->max) && !force) {
		__atomic_fetch_add(&l->failed, 1, __ATOMIC_RELAXED);
		return false;
	}
	while (used > peak && !__atomic_compare_exchange_n(&l->peak, &peak, used, false,
							   __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	return true;
}

bool limit_charge(uint16_t id, uint64_t n, bool force)
{
	for (uint16_t at = id; at; at = limits[at].around)
		if (!add(&limits[at], n, force)) {
			take_off(id, limits[at].around, n);
			return false;
		}
	return true;
}

void limit_uncharge(uint16_t id, uint64_t n)
{
	take_off(id, 0, n);
}

uint16_t limit_full(uint16_t id, uint64_t n)
{
	for (; id; id = limits[id].around)
		if (READ_ONCE(limits[id].used) + n > READ_ONCE(limits[id].max))
			break;
	return id;
}

bool limit_within(uint16_t id, uint16_t outer)
{
	while (id && id != outer)
		id = limits[id].around;
	return id == outer;
}

/* ---- life ---- */

void limit_get(uint16_t id)
{
	if (id)
		__atomic_fetch_add(&limits[id].refs, 1, __ATOMIC_RELAXED);
}

void limit_put(uint16_t id)
{
	if (id)
		assert(__atomic_fetch_sub(&limits[id].refs, 1, __ATOMIC_ACQ_REL) > 0);
}

/* Is l nobody's, without a frame left? Then nothing comes back to it. limits_lock held. */
static bool is_idle(const struct memlimit *l)
{
	return l->taken && !__atomic_load_n(&l->refs, __ATOMIC_ACQUIRE) && !READ_ONCE(l->used);
}

/* Idle ones are given up, and those around them that are idle then. limits_lock held. */
static void give_up_idle(void)
{
	bool again = true;

	while (again) {
		again = false;
		for (unsigned id = 1; id < LIMITS_MAX; id++) {
			if (!is_idle(&limits[id]))
				continue;
			limits[id].taken = false;
			limit_put(limits[id].around);
			again = true;
		}
	}
}

/* limits_lock held. */
static uint16_t find_free(void)
{
	for (uint16_t id = 1; id < LIMITS_MAX; id++)
		if (!limits[id].taken)
			return id;
	return 0;
}

uint16_t limit_make(uint16_t around, uint64_t max, uint64_t maker)
{
	uint16_t id;

	spin_lock(&limits_lock);
	give_up_idle();
	id = find_free();
	if (id) {
		limits[id] = (struct memlimit){
			.max = max, .maker = maker, .refs = 1, .around = around, .taken = true,
		};
		limit_get(around);
		WRITE_ONCE(limits_on, true);
	}
	spin_unlock(&limits_lock);
	return id;
}

void limit_set(uint16_t id, uint64_t max)
{
	WRITE_ONCE(limits[id].max, max);
}

bool limit_verify(const uint64_t *charges, uint16_t *id)
{
	for (*id = 1; *id < LIMITS_MAX; ++*id) {
		uint64_t sum = 0;

		for (uint16_t i = 1; i < LIMITS_MAX && limits[*id].taken; i++)
			if (charges[i] && limit_within(i, *id))
				sum += charges[i];
		if (limits[*id].taken ? sum != limits[*id].used : charges[*id] != 0)
			return false;
	}
	return true;
}
