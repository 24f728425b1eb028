// sources: tests/host/fake.c lib/lock.c mm/vm/vma.c mm/vm/vma_tree.c mm/vm/vma_lock.c
// sources: mm/alloc/stat.c
/*
 * Faults that look VMAs up without mm.lock while another thread maps, unmaps,
 * protects, splits and joins them: real threads of the host, and as memory the
 * C library's, so that ASan sees whoever touches a VMA after its grace period.
 *
 * A page of the model says what its VMA's flags are, 0: none. The writer
 * changes it between his mark of the VMA and the end of his call. So whoever has
 * the VMA's lock must read there what the VMA says, when he gets the lock and as
 * long as he has it; and a call that has returned holds for every lock that is taken
 * later. A grace period is over when each reader has come to the end of a look.
 */
#include <pthread.h>

static void let_others(void)
{
	sched_yield();
}

#define sched_yield	quire_sched_yield	/* not the C library's */
#include <tests/host/fake.h>
#include <tests/host/tap.h>
#include <mm/alloc/slab.h>
#include <mm/obj/object.h>
#include <mm/alloc/stat.h>
#include <mm/vm/vma.h>

static __thread uint64_t rests;

static void rest(void)
{
	rests = rests * 6364136223846793005ul + 1442695040888963407ul;
	if (rests >> 59 == 0)		/* where others can get in */
		let_others();
}

#define READERS		3u
#define PAGES		64u		/* few, so that all meet */
#define BASE		0x10000ul
#define OPS		15000u
#define EPOCH_OPS	16u		/* between two grace periods */

static struct mm mm;
static uint64_t model[PAGES];		/* atomic */
static bool stop;			/* atomic */
static uint64_t epoch = 1, passed[READERS]; /* atomic; UINT64_MAX: reads no more */
static uint64_t locked, missed, wrong;	/* atomic */

/* ---- what vma.c calls ---- */

struct kmem_cache { size_t size; };
static struct kmem_cache cache;
static long allocated;
uint64_t vm_max_map_count = VMAS_MAX;

struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align)
{
	(void)name, (void)align;
	cache.size = size;
	return &cache;
}

void *kmem_alloc(struct kmem_cache *c)
{
	allocated++;
	return malloc(c->size);
}

void kmem_free(struct kmem_cache *c, void *obj)
{
	(void)c;
	allocated -= obj != NULL;
	free(obj);
}

void commit_release(uint64_t pages) { (void)pages; }
void hugetlb_release(const struct vma *v, vaddr_t start, vaddr_t end) { (void)v, (void)start, (void)end; }
void object_map(struct object *o, struct mapping *m) { (void)o, (void)m; }
void object_unmap(struct object *o, struct mapping *m) { (void)o, (void)m; }
void object_put(struct object *o) { (void)o; }

static struct grace_head *waiting;

void grace_call(struct grace_head *h, void (*fn)(struct grace_head *))
{
	h->fn = fn;
	h->next = waiting;
	waiting = h;
}

/* All who look now have ended before this returns; then what waited for that goes. */
static void grace_period(void)
{
	uint64_t now = __atomic_add_fetch(&epoch, 1, __ATOMIC_SEQ_CST);

	for (unsigned i = 0; i < READERS; i++)
		while (__atomic_load_n(&passed[i], __ATOMIC_SEQ_CST) < now)
			let_others();
	while (waiting) {
		struct grace_head *h = waiting;

		waiting = h->next;
		h->fn(h);
	}
}

/* ---- those who fault ---- */

static vaddr_t va_of(unsigned page) { return BASE + page * PAGE_SIZE; }

static uint64_t model_flags(unsigned page)
{
	return __atomic_load_n(&model[page], __ATOMIC_SEQ_CST);
}

static void expect(bool right)
{
	if (!right)
		__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
}

static void fault(unsigned page)
{
	vaddr_t va = va_of(page);
	struct vma *v = vma_read_lock_at(&mm, va);

	if (!v) {
		__atomic_fetch_add(&missed, 1, __ATOMIC_RELAXED);
		return;
	}
	for (unsigned i = 0; i < 3; i++) {
		expect(v->mm == &mm && v->start <= va && va < v->end);
		expect(v->flags && model_flags(page) == v->flags);
		rest();
	}
	__atomic_fetch_add(&locked, 1, __ATOMIC_RELAXED);
	vma_read_unlock(v, true);
}

static void *reader(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;
	uint64_t seed = me + 1;

	fake_on_cpu(me + 1);
	rests = seed;
	while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
		seed = seed * 6364136223846793005ul + 1442695040888963407ul;
		fault(seed >> 33 & 1 ? (seed >> 40) % PAGES : (seed >> 40) % 4);
		__atomic_store_n(&passed[me], __atomic_load_n(&epoch, __ATOMIC_SEQ_CST),
				 __ATOMIC_SEQ_CST);
	}
	__atomic_store_n(&passed[me], UINT64_MAX, __ATOMIC_SEQ_CST);
	return NULL;
}

/* ---- who changes ---- */

/* mm.lock is the writer's for ever: readers never come to it here. */
static void end_of_call(struct vma *dead)
{
	__atomic_store_n(&mm.writes, mm.writes + 1, __ATOMIC_RELEASE);
	vma_bury(dead);
}

static void model_set(unsigned from, unsigned n, uint64_t flags)
{
	while (n--)
		__atomic_store_n(&model[from + n], flags, __ATOMIC_SEQ_CST);
}

static void op_map(unsigned from, unsigned n, unsigned flags)
{
	struct vma_spec s = { .start = va_of(from), .end = va_of(from + n), .flags = flags };
	struct vma *spare = vma_alloc(), *dead = NULL;

	for (unsigned i = 0; i < n; i++) {
		if (!model[from + i])
			continue;
		vma_drop(spare);
		return;
	}
	vma_add_joined(&mm, &s, &spare, &dead);
	model_set(from, n, flags);
	vma_drop(spare);
	end_of_call(dead);
}

/* [from, from + n), part by part: unmapped, or with new flags. */
static void op_change(unsigned from, unsigned n, unsigned flags)
{
	struct vma *dead = NULL, *v;
	vaddr_t at = va_of(from), end = va_of(from + n), stop_at;

	for (; at < end && (v = vma_lookup(&mm, at)) && v->start < end; at = stop_at) {
		at = MAX(at, v->start);
		stop_at = MIN(v->end, end);
		vma_mark(&mm, v);
		rest();
		if (vma_isolate(&mm, &v, at, stop_at, &dead))
			panic("no memory");
		model_set((unsigned)((at - BASE) / PAGE_SIZE),
			  (unsigned)((stop_at - at) / PAGE_SIZE), flags);
		if (!flags) {
			vma_kill(&mm, v, &dead);
			continue;
		}
		vma_change_flags(&mm, v, flags);
		rest();
		vma_join(&mm, v, &dead);
	}
	end_of_call(dead);
}

static void write_much(void)
{
	static const unsigned flags[] = { VM_READ, VM_READ | VM_WRITE, VM_READ | VM_EXEC };

	for (unsigned i = 0; i < OPS && !__atomic_load_n(&wrong, __ATOMIC_RELAXED); i++) {
		unsigned n = 1 + (unsigned)tap_below(tap_below(3) ? 3 : 20);
		unsigned from = (unsigned)tap_below(PAGES - n + 1), f = flags[tap_below(3)];

		switch (tap_below(4)) {
		case 0 ... 1:	op_map(from, n, f); break;
		case 2:		op_change(from, n, f); break;
		default:	op_change(from, n, 0);
		}
		if (i % EPOCH_OPS == 0)
			grace_period();
	}
}

static void readers_beside_a_writer(void)
{
	uint64_t counted = 0;
	pthread_t thread[READERS];
	const char *why;

	fake_set_cpus(READERS + 1);
	vma_boot();
	mm.lock = (struct rwlock){ .count = -1, .rank = RANK_MM };
	mm.writes = 1;
	for (unsigned i = 0; i < READERS; i++)
		pthread_create(&thread[i], NULL, reader, (void *)(uintptr_t)i);
	write_much();
	why = vma_verify(&mm);
	if (why)
		printf("# %s\n", why);
	CHECK(!why);
	__atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < READERS; i++)
		pthread_join(thread[i], NULL);
	CHECK_EQ(wrong, 0);
	CHECK(locked > 1000 && missed > 1000);
	printf("# %lu faults got their VMA, %lu did not; writers waited %lu times\n", locked,
	       missed, vm_event_sum(VMA_LOCK_WAIT));
	for (struct vma *v = vma_first(&mm); v; v = vma_next(v)) {
		CHECK_EQ(v->lock & VMA_READERS, 0);
		counted += vma_faults(v);
	}
	CHECK_EQ(counted + mm.minflt, locked);	/* none lost, whatever became of its VMA */
	vma_bury(vma_kill_all(&mm));
	grace_period();
	CHECK_EQ(allocated, 0);
}

int main(void)
{
	TAP_RUN(readers_beside_a_writer);
	return tap_done();
}
