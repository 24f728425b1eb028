/* flags: -pthread */
/* args: 1 1 150 3 2 */
/*
 * torture: threads of several processes change their memory at random and check all of it.
 *
 *	torture SEED ROUNDS STEPS THREADS PROCESSES [tell]
 *
 * A thread owns places (struct place): it alone maps, protects, moves and writes them, and so
 * knows what each page must hold and what each access must do. Beside them it owns an arena that
 * the other threads of its process write to whenever they like (poke). There it takes rights
 * away: once mprotect, munmap, mremap or fork has returned, the words must not change
 * any more, whatever the others' processors remember of them.
 *
 * Children check what they were born with. Pages go from thread to thread by a pipe and by
 * a mutex with a condition. In each round a storm of groups of threads is killed, or ends in
 * exit or execve of one of them. After each round the system is asked what it thinks of its own memory.
 *
 * Says the same on Linux. What it did is a matter of the seed and of chance: `tell` has it printed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIN(a, b)	((a) < (b) ? (a) : (b))
#define PAGE		4096ul
#define PLACES		4u
#define PAGES		1100u		/* more than two tables full */
#define THREADS		32u
#define PROCESSES	16u
#define ARENA		8u		/* pages of an arena */
#define FILE_PAGES	40u
#define BOX		4u		/* pages that wait to be taken over */
#define STACK		16384ul
#define PATIENCE_S	120

enum { NONE, READ, WRITE };

struct place {
	unsigned char *at;
	unsigned pages;
	bool shared;			/* with children */
	bool locked;			/* some of it may be */
	uint8_t right[PAGES];
	uint32_t age[PAGES];		/* how often it has been written; 0: reads as zero */
};

struct me {				/* a thread */
	unsigned process, n;
	uint64_t random;
	uint32_t age;			/* the last one given */
	uint64_t added;			/* to the counters of all */
	struct place place[PLACES];
	_Atomic(unsigned char *) arena;
	unsigned moves;
	uint64_t witness;
	bool arena_shared;		/* with children */
	pthread_t thread;
	_Atomic pid_t tid;
	unsigned char stack[STACK] __attribute__((aligned(64)));	/* of its short-lived threads */
};

/* Of all processes. */
struct common {
	_Atomic uint64_t steps, poked, refused, failed, children, given, storms, revoked;
	_Atomic uint64_t counter[64];
	_Atomic int doing[PROCESSES + 1][THREADS];
};

static struct common *common;
static struct me *threads;		/* of this process */
static unsigned nthreads;
static char *self;
static int child_depth;
static __thread sigjmp_buf *way_out;
static __thread volatile int fault_code;
static __thread void *volatile fault_at;
static __thread int fault_signal;

static pthread_mutex_t box_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t box_change = PTHREAD_COND_INITIALIZER;
static struct { unsigned char *at; unsigned from; uint32_t age; } box[BOX];
static unsigned in_box, still_here;
static pthread_mutex_t brk_lock = PTHREAD_MUTEX_INITIALIZER;
static int token[2];
static uint64_t token_count;		/* whoever has read the token changes it */
static _Atomic uint64_t token_uses;
static pthread_barrier_t meeting;
/*
 * What a thread writes to its word of `seen`, a private page that every fork makes one to be
 * copied, it tells by `told` afterwards.
 */
static uint64_t seen[PAGE / 8] __attribute__((aligned(PAGE)));
static uint64_t *told;			/* shared with children */
static int file;
static unsigned char *file_at;

/* ---- what went wrong ---- */

static __attribute__((format(printf, 2, 3), noreturn)) void wrong(const struct me *m, const char *format, ...)
{
	char text[300];
	int n = m ? snprintf(text, sizeof(text), "torture: process %u thread %u depth %d: ", m->process, m->n,
			     child_depth) : snprintf(text, sizeof(text), "torture: ");
	va_list args;

	va_start(args, format);
	n += vsnprintf(text + n, sizeof(text) - (size_t)n - 1, format, args);
	va_end(args);
	text[n++] = '\n';
	(void)!write(1, text, (size_t)n);
	atomic_fetch_add(&common->failed, 1);
	_exit(99);
}

#define must(m, condition) \
	((condition) ? (void)0 : wrong(m, "line %d: %s: %s", __LINE__, #condition, strerror(errno)))

/* ---- memory ---- */

/*
 * By the bare calls, as children are made: the C library's wait for a lock of its own, which
 * another thread may have held when a child was made; there nobody gives it up.
 */

static void *map(void *at, size_t bytes, int prot, int flags, int fd)
{
	return (void *)syscall(SYS_mmap, at, bytes, (long)prot, (long)flags, (long)fd, 0l);
}

static int unmap(void *at, size_t bytes)
{
	return (int)syscall(SYS_munmap, at, bytes);
}

static void *remap(void *at, size_t old_bytes, size_t bytes, int flags, void *to)
{
	return (void *)syscall(SYS_mremap, at, old_bytes, bytes, (long)flags, to);
}

/* ---- chance, patterns ---- */

static uint64_t mix(uint64_t x)
{
	x ^= x >> 31;
	x *= 0x7fb5d329728ea185;
	x ^= x >> 27;
	x *= 0x81dadef4bc2dd44d;
	return x ^ x >> 33;
}

static unsigned chance(struct me *m, unsigned n)
{
	m->random = m->random * 6364136223846793005 + 1442695040888963407;
	return (unsigned)((m->random >> 33) % n);
}

static uint64_t pattern(unsigned process, unsigned thread, uint32_t age)
{
	return age ? mix((uint64_t)process << 48 | (uint64_t)thread << 40 | age) : 0;
}

/* ---- accesses that may be refused ---- */

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (!way_out)
		wrong(NULL, "signal %d, code %d at %p", sig, info->si_code, info->si_addr);
	fault_signal = sig;
	fault_code = info->si_code;
	fault_at = info->si_addr;
	siglongjmp(*way_out, 1);
}

/* The rest of a function that makes one access and returns true if it worked. */
#define TRY(access) \
	sigjmp_buf here; \
	volatile bool good = false; \
	\
	if (!sigsetjmp(here, 0)) { \
		way_out = &here; \
		atomic_signal_fence(memory_order_seq_cst); \
		access; \
		good = true; \
	} \
	atomic_signal_fence(memory_order_seq_cst); \
	way_out = NULL; \
	return good

static __attribute__((noinline)) bool try_read(volatile uint64_t *at, uint64_t *value)
{
	TRY(*value = *at);
}

static __attribute__((noinline)) bool try_add(_Atomic uint64_t *at, uint64_t value)
{
	TRY(atomic_fetch_add(at, value));
}

static __attribute__((noinline)) bool try_set(volatile uint64_t *at, uint64_t value)
{
	TRY(*at = value);
}

/* ---- places ---- */

static uint64_t *word_of(const struct place *p, unsigned page, unsigned n)
{
	static const unsigned at[3] = { 0, 3856, PAGE - 8 };

	return (uint64_t *)(p->at + page * PAGE + at[n]);
}

static void page_check(struct me *m, const struct place *p, unsigned page)
{
	uint64_t want = pattern(m->process, m->n, p->age[page]), got;

	for (unsigned n = 0; n < 3; n++) {
		uint64_t *at = word_of(p, page, n);

		if (p->right[page] == NONE) {
			if (try_read(at, &got))
				wrong(m, "%p has no rights and was read: %lx", (void *)at, got);
			if (fault_at != at || fault_code != SEGV_ACCERR)
				wrong(m, "read of %p: signal %d, code %d, address %p", (void *)at, fault_signal,
				      fault_code, fault_at);
			return;
		}
		got = *(volatile uint64_t *)at;
		if (got != want)
			wrong(m, "%p: place %p + %u pages, page %u, age %u, word %u: %lx instead of %lx", (void *)at,
			      (void *)p->at, p->pages, page, p->age[page], n, got, want);
	}
}

static void page_write(struct me *m, struct place *p, unsigned page)
{
	if (p->right[page] != WRITE) {
		if (try_add((_Atomic uint64_t *)word_of(p, page, 0), 1))
			wrong(m, "%p is not writable and was written", (void *)word_of(p, page, 0));
		return;
	}
	p->age[page] = ++m->age;
	for (unsigned n = 0; n < 3; n++)
		*(volatile uint64_t *)word_of(p, page, n) = pattern(m->process, m->n, p->age[page]);
}

static void place_check(struct me *m, const struct place *p)
{
	for (unsigned i = 0; i < p->pages; i++)
		page_check(m, p, i);
}

static void place_unmap(struct me *m, struct place *p)
{
	if (p->pages)
		must(m, unmap(p->at, p->pages * PAGE) == 0);
	p->pages = 0;
}

static void place_map(struct me *m, struct place *p)
{
	unsigned pages = 1 + chance(m, chance(m, 16) ? 24 : PAGES - 1);
	int flags = MAP_ANONYMOUS | MAP_NORESERVE;

	place_unmap(m, p);
	p->shared = chance(m, 5) == 0;
	flags |= p->shared ? MAP_SHARED : MAP_PRIVATE;
	if (chance(m, 8) == 0 && pages < 64)
		flags |= MAP_POPULATE;
	p->at = map(NULL, pages * PAGE, PROT_READ | PROT_WRITE, flags, -1);
	must(m, p->at != MAP_FAILED);
	p->pages = pages;
	p->locked = false;
	memset(p->right, WRITE, pages);
	memset(p->age, 0, pages * sizeof(p->age[0]));
}

/* Some pages of p: the first and how many. */
static unsigned stretch(struct me *m, const struct place *p, unsigned *first)
{
	*first = chance(m, p->pages);
	return 1 + chance(m, p->pages - *first);
}

static void place_protect(struct me *m, struct place *p)
{
	static const int prot[3] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE };
	unsigned first, n = stretch(m, p, &first), right = chance(m, 6);

	right = MIN(right, (unsigned)WRITE);
	must(m, mprotect(p->at + first * PAGE, n * PAGE, prot[right]) == 0);
	memset(p->right + first, (int)right, n);
	page_write(m, p, first);
	page_check(m, p, first);
	page_check(m, p, first + n - 1);
}

static void place_forget(struct me *m, struct place *p)
{
	unsigned first, n = stretch(m, p, &first);

	if (p->locked)
		must(m, munlock(p->at, p->pages * PAGE) == 0);
	p->locked = false;
	must(m, madvise(p->at + first * PAGE, n * PAGE, MADV_DONTNEED) == 0);
	if (!p->shared)
		memset(p->age + first, 0, n * sizeof(p->age[0]));
	page_check(m, p, first);
}

static void place_lock(struct me *m, struct place *p)
{
	unsigned first, n = stretch(m, p, &first);

	n = MIN(n, 16);
	if (chance(m, 2)) {
		p->locked = true;		/* or some of it, or none: where there is a limit */
		(void)!mlock(p->at + first * PAGE, n * PAGE);
	} else {
		must(m, munlock(p->at + first * PAGE, n * PAGE) == 0);
	}
}

static void place_advise(struct me *m, struct place *p)
{
	unsigned first, n = stretch(m, p, &first);

	must(m, madvise(p->at + first * PAGE, n * PAGE, chance(m, 2) ? MADV_WILLNEED : MADV_COLD) == 0 ||
		errno == EINVAL);
}

/* Ends of it go. */
static void place_cut(struct me *m, struct place *p)
{
	unsigned n = 1 + chance(m, p->pages);

	if (n == p->pages) {
		place_map(m, p);
	} else if (chance(m, 2)) {
		must(m, unmap(p->at + (p->pages - n) * PAGE, n * PAGE) == 0);
		p->pages -= n;
	} else {
		must(m, unmap(p->at, n * PAGE) == 0);
		p->pages -= n;
		p->at += n * PAGE;
		memmove(p->right, p->right + n, p->pages);
		memmove(p->age, p->age + n, p->pages * sizeof(p->age[0]));
	}
}

static void place_move(struct me *m, struct place *p)
{
	unsigned to = p->shared || chance(m, 2) ? p->pages : 1 + chance(m, PAGES - 1);
	unsigned char *at, *room = NULL;
	int flags = MREMAP_MAYMOVE;

	must(m, munlock(p->at, p->pages * PAGE) == 0);
	must(m, mprotect(p->at, p->pages * PAGE, PROT_READ | PROT_WRITE) == 0);
	memset(p->right, WRITE, p->pages);
	p->locked = false;
	if (chance(m, 2)) {
		flags |= MREMAP_FIXED;
		room = map(NULL, to * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
		must(m, room != MAP_FAILED);
	}
	at = remap(p->at, p->pages * PAGE, to * PAGE, flags, room);
	if (at == MAP_FAILED && errno == EFAULT) {	/* after forks it may be several mappings */
		if (room)
			must(m, unmap(room, to * PAGE) == 0);
		place_map(m, p);
		return;
	}
	must(m, at != MAP_FAILED);
	for (unsigned i = p->pages; i < to; i++) {
		p->right[i] = WRITE;
		p->age[i] = 0;
	}
	p->at = at;
	p->pages = to;
	page_check(m, p, 0);
	page_check(m, p, to - 1);
	page_check(m, p, chance(m, to));
}

static void place_use(struct me *m, struct place *p)
{
	for (unsigned i = 0, n = 1 + chance(m, 12); i < n; i++) {
		unsigned page = chance(m, p->pages);

		if (chance(m, 3))
			page_write(m, p, page);
		page_check(m, p, page);
	}
}

/* ---- arenas: rights that are taken away while others use them ---- */

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

static unsigned char *arena_start(struct me *m)
{
	return (unsigned char *)((uintptr_t)atomic_load(&m->arena) & -PAGE);
}

static _Atomic uint64_t *arena_word(struct me *m, unsigned page)
{
	unsigned char *at = atomic_load(&m->arena);

	return at ? (_Atomic uint64_t *)(at + page * PAGE) : NULL;
}

static void poke(struct me *m)
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
static void watch(struct me *m, unsigned char *at, const char *why)
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

static void arena_new(struct me *m)
{
	unsigned char *at = map(NULL, ARENA * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	must(m, at != MAP_FAILED);
	publish(m, at);
}

static void revoke(struct me *m)
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
static void bear_witness(struct me *m)
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

/* ---- a file that is cut and grows while all have it mapped ---- */

static uint64_t file_value(unsigned page, unsigned n)
{
	return 0x1000000 + page * 64 + n;
}

/* A word of the file is what its thread writes there, or zero, or not there. */
static void file_look(struct me *m, unsigned char *at, unsigned page, unsigned n)
{
	uint64_t *word = (uint64_t *)(at + page * PAGE) + n, got;

	if (try_read(word, &got)) {
		if (got && got != file_value(page, n))
			wrong(m, "page %u of the file, word %u: %lx", page, n, got);
	} else if (fault_signal != SIGBUS || fault_at != word) {
		wrong(m, "page %u of the file: signal %d at %p", page, fault_signal, fault_at);
	}
}

static void file_use(struct me *m, unsigned char *at)
{
	for (unsigned i = 0; i < 12; i++) {
		unsigned page = chance(m, FILE_PAGES);

		(void)try_set((uint64_t *)(at + page * PAGE) + m->n, file_value(page, m->n));
		file_look(m, at, page, m->n);
		file_look(m, at, chance(m, FILE_PAGES), chance(m, nthreads));
	}
}

static void file_step(struct me *m)
{
	unsigned char *at;

	switch (chance(m, 3)) {
	case 0:
		must(m, ftruncate(file, chance(m, FILE_PAGES) * PAGE) == 0);
		must(m, ftruncate(file, FILE_PAGES * PAGE) == 0);
		break;
	case 1:
		at = map(NULL, FILE_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file);
		must(m, at != MAP_FAILED);
		file_use(m, at);
		must(m, unmap(at, FILE_PAGES * PAGE) == 0);
		break;
	default:
		file_use(m, file_at);
	}
}

/* ---- children ---- */

static void wait_for(struct me *m, pid_t pid, int want)
{
	int status;
	pid_t got;

	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	must(m, got == pid);
	if (status != want)
		wrong(m, "child %d ended with %x instead of %x", pid, status, want);
	atomic_fetch_add(&common->children, 1);
}

static void be_another(int status)
{
	char number[16];
	char *argv[] = { self, number, NULL }, *env[] = { NULL };

	snprintf(number, sizeof(number), "%d", status);
	execve(self, argv, env);
	wrong(NULL, "execve: %s", strerror(errno));
}

static void child_checks(struct me *m)
{
	for (unsigned i = 0; i < PLACES; i++)
		if (!m->place[i].shared)
			place_check(m, &m->place[i]);
}

static void fork_one(struct me *m);

/* What a child does with its copy; ends. */
static void child(struct me *m, int way)
{
	child_depth++;
	if (!m->arena_shared)
		watch(m, arena_start(m), "fork");
	child_checks(m);
	for (unsigned i = 0; i < PLACES; i++)
		if (!m->place[i].shared)
			place_use(m, &m->place[i]);
	if (child_depth < 3 && chance(m, 3) == 0)
		fork_one(m);
	if (chance(m, 2))
		for (unsigned i = 0; i < PLACES; i++)
			if (!m->place[i].shared && chance(m, 2))
				(chance(m, 2) ? place_move : place_protect)(m, &m->place[i]);
	child_checks(m);
	if (way == 1)
		be_another(5);
	if (way == 2)
		kill(getpid(), SIGKILL);
	_exit(5);
}

static void fork_one(struct me *m)
{
	static const int want[] = { 5 << 8, 5 << 8, SIGKILL };
	int way = (int)chance(m, 3);
	pid_t pid = (pid_t)syscall(SYS_fork);

	must(m, pid >= 0 || errno == EAGAIN || errno == ENOMEM);
	if (pid < 0)
		return;
	if (!pid)
		child(m, way);
	if (chance(m, 2))
		for (unsigned i = 0; i < PLACES; i++)
			if (!child_depth || !m->place[i].shared)
				place_use(m, &m->place[i]);
	wait_for(m, pid, want[way]);
	child_checks(m);
}

static void vfork_one(struct me *m)
{
	static char *const env[] = { NULL };
	char *const argv[] = { self, (char []){ "6" }, NULL };
	pid_t pid = vfork();

	if (!pid) {
		execve(self, argv, env);
		_exit(98);
	}
	must(m, pid >= 0 || errno == EAGAIN || errno == ENOMEM);
	if (pid > 0)
		wait_for(m, pid, 6 << 8);
}

/* ---- between threads ---- */

static void give(struct me *m)
{
	uint32_t age = ++m->age;
	unsigned char *at = map(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	must(m, at != MAP_FAILED);
	*(uint64_t *)at = pattern(m->process, m->n, age);
	must(m, mprotect(at, PAGE, PROT_READ) == 0);
	pthread_mutex_lock(&box_lock);
	if (in_box < BOX) {
		box[in_box].at = at;
		box[in_box].from = m->n;
		box[in_box++].age = age;
		pthread_cond_signal(&box_change);
		at = NULL;
	}
	pthread_mutex_unlock(&box_lock);
	if (at)
		must(m, unmap(at, PAGE) == 0);
}

/* Waits for one only if others are there who may give. */
static void take(struct me *m)
{
	unsigned char *at = NULL;
	uint64_t want = 0;
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 3000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&box_lock);
	while (!in_box && still_here > 1)
		if (pthread_cond_timedwait(&box_change, &box_lock, &until))
			break;
	if (in_box) {
		at = box[--in_box].at;
		want = pattern(m->process, box[in_box].from, box[in_box].age);
	}
	pthread_mutex_unlock(&box_lock);
	if (!at)
		return;
	if (*(uint64_t *)at != want)
		wrong(m, "a page handed over at %p has %lx instead of %lx", (void *)at, *(uint64_t *)at, want);
	if (try_add((_Atomic uint64_t *)at, 1))
		wrong(m, "a read-only page handed over at %p was written", (void *)at);
	must(m, unmap(at, PAGE) == 0);
	atomic_fetch_add(&common->given, 1);
}

static void use_token(struct me *m)
{
	char c;
	ssize_t n;

	do
		n = read(token[0], &c, 1);
	while (n < 0 && errno == EINTR);
	must(m, n == 1);
	token_count++;
	atomic_fetch_add(&token_uses, 1);
	must(m, write(token[1], &c, 1) == 1);
}

static void *short_life(void *arg)
{
	struct me *m = arg;
	unsigned char *at = map(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	must(m, at != MAP_FAILED);
	at[PAGE] = 1;
	must(m, unmap(at, 3 * PAGE) == 0);
	return at;
}

/*
 * On a stack that is mapped all the time: the place of an arena that has moved may be anybody's
 * when a thread that was slow pokes at it. It hurts nobody but stacks.
 */
static int start_on(pthread_t *t, unsigned char *stack, void *(*fn)(void *), void *arg)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, stack, STACK);
	return pthread_create(t, &attr, fn, arg);
}

static void start_thread(struct me *m)
{
	pthread_t t;
	void *result;
	int err = start_on(&t, m->stack, short_life, m);

	must(m, !err || err == EAGAIN || err == ENOMEM);
	if (!err)
		must(m, pthread_join(t, &result) == 0);
}

static void change_brk(struct me *m)
{
	unsigned long now, n = (1 + chance(m, 20)) * PAGE;

	pthread_mutex_lock(&brk_lock);
	now = (unsigned long)syscall(SYS_brk, 0);
	if ((unsigned long)syscall(SYS_brk, now + n) == now + n) {
		for (unsigned long va = (now + PAGE - 1) & -PAGE; va + 8 <= now + n; va += PAGE) {
			if (*(volatile uint64_t *)va)
				wrong(m, "new memory of brk at %lx is not zero", va);
			*(volatile uint64_t *)va = va;
		}
		must(m, (unsigned long)syscall(SYS_brk, now) == now);
	}
	pthread_mutex_unlock(&brk_lock);
}

static void read_maps(struct me *m)
{
	static const char *const names[] = { "/proc/self/maps", "/proc/self/smaps", "/proc/self/status" };
	char text[512];
	int fd = open(names[chance(m, 3)], O_RDONLY);

	if (fd < 0)
		return;
	while (read(fd, text, sizeof(text)) > 0)
		;
	close(fd);
}

static void wander(struct me *m)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	if (chance(m, 2))
		CPU_SET(chance(m, 16), &set);
	else
		memset(&set, 0xff, sizeof(set));
	(void)!sched_setaffinity(0, sizeof(set), &set);
}

static void signal_one(struct me *m)
{
	(void)!syscall(SYS_tgkill, getpid(), threads[chance(m, nthreads)].tid, SIGUSR1);	/* it may have ended */
}

static void on_user(int sig)
{
	(void)sig;
}

/* ---- a thread, a process ---- */

static void step(struct me *m)
{
	struct place *p = &m->place[chance(m, PLACES)];
	int what = (int)chance(m, 44);

	atomic_store(&common->doing[m->process][m->n], what + 1);
	switch (what) {
	case 0: case 1: case 2:
		place_map(m, p);
		break;
	case 3: case 4: case 5: case 6:
		place_protect(m, p);
		break;
	case 7: case 8:
		place_forget(m, p);
		break;
	case 9:
		place_lock(m, p);
		break;
	case 10:
		place_advise(m, p);
		break;
	case 11:
		place_cut(m, p);
		break;
	case 12: case 13:
		place_move(m, p);
		break;
	case 14:
		place_check(m, p);
		break;
	case 15: case 16: case 17: case 18:
		poke(m);
		break;
	case 19: case 20: case 21:
		revoke(m);
		break;
	case 22:
		fork_one(m);
		break;
	case 23:
		if (chance(m, 4) == 0)
			vfork_one(m);
		break;
	case 24: case 25:
		give(m);
		break;
	case 26: case 27:
		take(m);
		break;
	case 28: case 29:
		use_token(m);
		break;
	case 30:
		start_thread(m);
		break;
	case 31:
		change_brk(m);
		break;
	case 32:
		if (chance(m, 4) == 0)
			read_maps(m);
		break;
	case 33:
		wander(m);
		break;
	case 34:
		signal_one(m);
		break;
	case 35:
		sched_yield();
		break;
	case 36: case 37:
		bear_witness(m);
		break;
	case 38: case 39:
		file_step(m);
		break;
	default:
		place_use(m, p);
		atomic_fetch_add(&common->counter[chance(m, 64)], 1);
		m->added++;
	}
	atomic_store(&common->doing[m->process][m->n], 0);
	atomic_fetch_add(&common->steps, 1);
}

static unsigned steps;			/* that a thread does; 0: until it is killed */

static void *thread_main(void *arg)
{
	struct me *m = arg;

	m->tid = (pid_t)syscall(SYS_gettid);
	arena_new(m);
	for (unsigned i = 0; i < PLACES; i++)
		place_map(m, &m->place[i]);
	pthread_barrier_wait(&meeting);
	for (unsigned i = 0; !steps || i < steps; i++) {
		if (!steps && m->n == 1 && (uintptr_t)m->random & 1)
			start_thread(m);	/* dies among births */
		step(m);
		if (i % 64 == 63 && steps)
			pthread_barrier_wait(&meeting);
	}
	for (unsigned i = 0; i < PLACES; i++)
		place_check(m, &m->place[i]);
	pthread_mutex_lock(&box_lock);
	still_here--;
	pthread_cond_broadcast(&box_change);
	pthread_mutex_unlock(&box_lock);
	return NULL;
}

static void set_signals(void)
{
	struct sigaction fault = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };
	struct sigaction user = { .sa_handler = on_user, .sa_flags = SA_RESTART };

	sigaction(SIGSEGV, &fault, NULL);
	sigaction(SIGBUS, &fault, NULL);
	sigaction(SIGUSR1, &user, NULL);
}

/* All but thread 0, which the caller is. */
static void threads_begin(unsigned process, unsigned n, uint64_t seed)
{
	nthreads = still_here = n;
	threads = map(NULL, n * sizeof(*threads), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	told = map(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
	must(NULL, threads != MAP_FAILED && told != MAP_FAILED && !pipe(token) && write(token[1], "t", 1) == 1);
	file = (int)syscall(SYS_memfd_create, "torture", 0);
	must(NULL, file >= 0 && ftruncate(file, FILE_PAGES * PAGE) == 0);
	file_at = map(NULL, FILE_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file);
	must(NULL, file_at != MAP_FAILED);
	pthread_barrier_init(&meeting, NULL, n);
	for (unsigned i = 0; i < n; i++) {
		threads[i].process = process;
		threads[i].n = i;
		threads[i].random = mix(seed + (uint64_t)process * 64 + i);
	}
	for (unsigned i = 1; i < n; i++) {
		int err = pthread_create(&threads[i].thread, NULL, thread_main, &threads[i]);

		if (err)
			wrong(NULL, "pthread_create: %s", strerror(err));
	}
}

static void worker(unsigned process, unsigned n, uint64_t seed, _Atomic uint64_t *total)
{
	set_signals();
	threads_begin(process, n, seed);
	thread_main(&threads[0]);
	for (unsigned i = 1; i < n; i++)
		must(NULL, pthread_join(threads[i].thread, NULL) == 0);
	for (unsigned i = 0; i < n; i++)
		atomic_fetch_add(total, threads[i].added);
	if (token_count != atomic_load(&token_uses))
		wrong(NULL, "the token went %lu times, %lu were counted", atomic_load(&token_uses), token_count);
	_exit(0);
}

/* ---- storms ---- */

static void *ender(void *arg)
{
	uintptr_t way = (uintptr_t)arg;

	usleep(3000);
	if (way == 1)
		_exit(7);
	be_another(7);
	return NULL;
}

/* A group of threads that only death ends: way 0 comes from outside. */
static void victim(unsigned process, unsigned n, uint64_t seed, uintptr_t way)
{
	static unsigned char stack[STACK] __attribute__((aligned(64)));
	pthread_t t;

	set_signals();
	steps = 0;
	threads_begin(process, n, seed);
	if (way && start_on(&t, stack, ender, (void *)way))
		_exit(7);
	thread_main(&threads[0]);
}

static void pause_us(unsigned us)
{
	struct timespec t = { 0, us * 1000l };

	nanosleep(&t, NULL);
}

/* Children of victims that outlive them may still do something: they end by themselves. */
static void storm(unsigned process, unsigned n, uint64_t seed, unsigned count)
{
	static struct me m;

	m.process = process;
	m.random = mix(seed);

	for (unsigned i = 0; i < count; i++) {
		unsigned way = chance(&m, 3);
		pid_t pid = fork();

		must(&m, pid >= 0);
		if (!pid)
			victim(process, n, seed + i, way);
		if (!way) {
			pause_us(chance(&m, 20000));
			must(&m, kill(pid, SIGKILL) == 0);
		}
		wait_for(&m, pid, way ? 7 << 8 : SIGKILL);
		atomic_fetch_add(&common->storms, 1);
	}
	_exit(0);
}

/* ---- rounds ---- */

static long mem_free(void)
{
	char text[512];
	int fd = open("/proc/meminfo", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	const char *at;

	close(fd);
	text[n > 0 ? n : 0] = 0;
	at = strstr(text, "MemFree:");
	return at ? atol(at + 8) : 0;
}

/* What the system, if it can, says of its own memory. */
static bool verify(void)
{
	char text[2048];
	int fd = open("/proc/mm_verify", O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return true;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	if (!strcmp(text, "ok\n"))
		return true;
	printf("torture: mm_verify: %s", text);
	return false;
}

/* The system, if it can and may, writes on its log where every thread is. */
static void show_threads(void)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY);

	if (fd >= 0)
		(void)!write(fd, "t", 1);
}

static void on_alarm(int sig)
{
	static uint64_t last;
	static unsigned idle_s;
	uint64_t now = atomic_load(&common->steps) + atomic_load(&common->storms);
	char text[100];

	(void)sig;
	idle_s = now == last ? idle_s + 5 : 0;
	last = now;
	alarm(5);
	if (idle_s < PATIENCE_S)
		return;
	for (unsigned p = 0; p <= PROCESSES; p++)
		for (unsigned t = 0; t < THREADS; t++) {
			int what = atomic_load(&common->doing[p][t]);

			if (what)
				(void)!write(1, text, (size_t)snprintf(text, sizeof(text),
					     "torture: process %u thread %u hangs in step %d\n", p, t, what - 1));
		}
	(void)!write(1, text, (size_t)snprintf(text, sizeof(text), "torture: nothing goes on\n"));
	show_threads();
	_exit(1);
}

static bool reap(unsigned n)
{
	bool good = true;
	int status;

	for (unsigned i = 0; i < n; i++) {
		while (wait(&status) < 0 && errno == EINTR)
			;
		if (status)
			printf("torture: a process ended with %x\n", status);
		good &= !status;
	}
	return good;
}

static bool run_round(unsigned n, unsigned processes, uint64_t seed)
{
	_Atomic uint64_t *total = map(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
	uint64_t before, after = 0, orphans;
	bool good;

	memset(common->counter, 0, sizeof(common->counter));
	memset(common->doing, 0, sizeof(common->doing));
	for (unsigned i = 0; i < processes; i++)
		if (!fork())
			worker(i, n, seed, total);
	good = reap(processes) && verify();
	for (unsigned i = 0; i < 64; i++)
		after += atomic_load(&common->counter[i]);
	before = atomic_load(total);
	if (after != before)
		printf("torture: the counters hold %lu, %lu were added\n", after, before);
	good &= after == before;
	if (!fork())
		storm(PROCESSES, n, seed, 10);
	good &= reap(1);
	do {				/* children of victims: those of init */
		orphans = atomic_load(&common->steps);
		pause_us(200000);
	} while (orphans != atomic_load(&common->steps));
	unmap(total, PAGE);
	return good && verify() && !atomic_load(&common->failed);
}

static unsigned number(char **argv, int i, unsigned max)
{
	unsigned long n = argv[i] ? strtoul(argv[i], NULL, 10) : 0;

	if (!n || n > max) {
		printf("usage: torture SEED ROUNDS STEPS THREADS PROCESSES [tell]\n");
		exit(2);
	}
	return (unsigned)n;
}

static void tell(long before, long after)
{
	printf("torture: %lu steps, %lu pokes, %lu refused, %lu rights taken away, %lu children, %lu pages handed over, "
	       "%lu storms\n", atomic_load(&common->steps), atomic_load(&common->poked),
	       atomic_load(&common->refused), atomic_load(&common->revoked), atomic_load(&common->children),
	       atomic_load(&common->given), atomic_load(&common->storms));
	printf("torture: MemFree after the first round %ld kB, at the end %ld kB\n", before, after);
}

int main(int argc, char **argv)
{
	unsigned seed, rounds, n, processes;
	bool good = true;
	long first = 0;

	self = "/proc/self/exe";
	if (argc == 2)			/* execve of itself */
		return atoi(argv[1]);
	seed = number(argv, 1, 4000000000);
	rounds = number(argv, 2, 1000000);
	steps = number(argv, 3, 100000000);
	n = number(argv, 4, THREADS);
	processes = number(argv, 5, PROCESSES);
	setvbuf(stdout, NULL, _IONBF, 0);
	common = map(NULL, sizeof(*common), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
	if (common == MAP_FAILED)
		return 1;
	signal(SIGALRM, on_alarm);
	alarm(5);
	for (unsigned i = 0; good && i < rounds; i++) {
		good = run_round(n, processes, mix(seed) + i * 1000);
		if (!i)
			first = mem_free();
	}
	if (argc == 7)
		tell(first, mem_free());
	printf("torture: %s\n", good ? "ok" : "failed");
	return !good;
}
