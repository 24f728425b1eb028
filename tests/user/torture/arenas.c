/* Arenas: rights that are taken away while others use them; and what a thread tells after it wrote. */
#include "torture.h"

#include <sched.h>
#include <sys/mman.h>

/*
 * What a thread writes to its word of `seen`, a private page that every fork makes one to be
 * copied, it tells by `told` afterwards.
 */
static uint64_t seen[PAGE / 8] __attribute__((aligned(PAGE)));
static uint64_t *told;			/* shared with children */

/*
 * What is published of an arena is its first word that others write to, another one after each move:
 * the place that it leaves may be anybody's when a thread that was slow pokes there, and
 * the word where it does so is nobody's.
 */
static void publish(struct me *m, unsigned char *at)
{
	m->moves++;
	atomic_store(&m->arena, at + 64 + 8 * (m->n + THREADS * (m->moves % 14)));
}

unsigned char *arena_start(struct me *m)
{
	return (unsigned char *)((uintptr_t)atomic_load(&m->arena) & -PAGE);
}

static _Atomic uint64_t *arena_word(struct me *m, unsigned page)
{
	unsigned char *at = atomic_load(&m->arena);

	return at ? (_Atomic uint64_t *)(at + page * PAGE) : NULL;
}

void poke(struct me *m)
{
	struct me *victim = &threads[chance(m, nthreads)];
	unsigned page = chance(m, ARENA);

	for (unsigned i = 0; i < 40; i++) {
		_Atomic uint64_t *at = arena_word(victim, page);

		if (at && try_add(at, 1))
			atomic_fetch_add(&common->poked, 1);
		else
			atomic_fetch_add(&common->refused, 1);
	}
}

/* For a while nobody may change the words at `at`. */
void watch(struct me *m, unsigned char *at, const char *why)
{
	unsigned word = (uintptr_t)atomic_load(&m->arena) % PAGE;
	uint64_t was[ARENA];

	for (unsigned i = 0; i < ARENA; i++)
		was[i] = *(volatile uint64_t *)(at + i * PAGE + word);
	for (unsigned n = 0; n < 6; n++) {
		if (n & 1)
			sched_yield();
		for (unsigned i = 0; i < ARENA; i++) {
			uint64_t is = *(volatile uint64_t *)(at + i * PAGE + word);

			if (is != was[i])
				wrong(m, "after %s page %u of the arena at %p went from %lx to %lx", why, i,
				      (void *)at, was[i], is);
		}
	}
	atomic_fetch_add(&common->revoked, 1);
}

static void revoke_protect(struct me *m, unsigned char *at)
{
	must(m, mprotect(at, ARENA * PAGE, PROT_READ) == 0);
	watch(m, at, "mprotect");
	must(m, mprotect(at, ARENA * PAGE, PROT_READ | PROT_WRITE) == 0);
}

/* Its pages at another place, where nobody else looks. */
static void revoke_move(struct me *m, unsigned char *at, int flags)
{
	unsigned char *to = map(NULL, ARENA * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	must(m, to != MAP_FAILED);
	must(m, remap(at, ARENA * PAGE, ARENA * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED | flags, to) == to);
	watch(m, to, "mremap");
	publish(m, to);
	if (flags)
		must(m, unmap(at, ARENA * PAGE) == 0);
}

/* The same pages are mapped twice; the place that others know goes. */
static void revoke_unmap(struct me *m, unsigned char *at)
{
	unsigned char *twin, *fresh;
	bool reuse = chance(m, 2);

	fresh = map(NULL, ARENA * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
	must(m, fresh != MAP_FAILED);
	twin = remap(fresh, 0, ARENA * PAGE, MREMAP_MAYMOVE, NULL);
	must(m, twin != MAP_FAILED);
	publish(m, fresh);
	must(m, unmap(at, ARENA * PAGE) == 0);
	for (unsigned i = 0; i < 3; i++)
		sched_yield();
	if (reuse)
		must(m, map(fresh, ARENA * PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1) == fresh);
	else
		must(m, mprotect(fresh, ARENA * PAGE, PROT_NONE) == 0);
	watch(m, twin, reuse ? "mmap" : "mprotect of shared memory");
	must(m, unmap(twin, ARENA * PAGE) == 0);
	m->arena_shared = !reuse;
	if (!reuse)
		must(m, mprotect(fresh, ARENA * PAGE, PROT_READ | PROT_WRITE) == 0);
}

void arena_new(struct me *m)
{
	unsigned char *at = map(NULL, ARENA * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	must(m, at != MAP_FAILED);
	publish(m, at);
}

void revoke(struct me *m)
{
	unsigned char *at = arena_start(m);

	switch (chance(m, 5)) {
	case 0:
	case 1:
		revoke_protect(m, at);
		break;
	case 2:
		revoke_move(m, at, m->arena_shared || chance(m, 2) ? 0 : MREMAP_DONTUNMAP);
		break;
	case 3:
		revoke_unmap(m, at);
		break;
	default:
		must(m, madvise(at, ARENA * PAGE, MADV_DONTNEED) == 0);
	}
}

/* Who reads what a thread has told does not read an older word after it. */
void bear_witness(struct me *m)
{
	volatile uint64_t *word = seen, *telling = told;

	for (unsigned i = 0; i < 200; i++) {
		unsigned other = i % nthreads;
		uint64_t y = telling[other], x = word[other];

		if (x < y)
			wrong(m, "thread %u told %lu, but %lu is read", other, y, x);
		if (i % 8)
			continue;
		word[m->n] = ++m->witness;
		telling[m->n] = m->witness;
	}
}

void witness_begin(void)
{
	told = map(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
	must(NULL, told != MAP_FAILED);
}
