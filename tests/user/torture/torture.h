/* What the parts of torture share; ../torture.c says what it is about. */
#pragma once

#define _GNU_SOURCE

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#define MIN(a, b)	((a) < (b) ? (a) : (b))
#define PAGE		4096ul
#define PLACES		4u
#define PAGES		1100u		/* more than two tables full */
#define THREADS		32u
#define PROCESSES	16u
#define ARENA		8u		/* pages of an arena */
#define FILE_PAGES	40u
#define STACK		16384ul

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

extern struct common *common;

/* ---- base.c ---- */

/* Of the last access that was refused. */
extern __thread volatile int fault_code;
extern __thread void *volatile fault_at;
extern __thread int fault_signal;

void wrong(const struct me *m, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));

#define must(m, condition) \
	((condition) ? (void)0 : wrong(m, "line %d: %s: %s", __LINE__, #condition, strerror(errno)))

/* By the bare calls: see base.c. As mmap, munmap, mremap. */
void *map(void *at, size_t bytes, int prot, int flags, int fd);
int unmap(void *at, size_t bytes);
void *remap(void *at, size_t old_bytes, size_t bytes, int flags, void *to);
/* A number that looks like chance, always the same for x. */
uint64_t mix(uint64_t x);
/* Less than n. */
unsigned chance(struct me *m, unsigned n);
/* What the thread writes at that age; 0 for age 0. */
uint64_t pattern(unsigned process, unsigned thread, uint32_t age);
void on_fault(int sig, siginfo_t *info, void *context);
/* False: refused; fault_* say how. */
bool try_read(volatile uint64_t *at, uint64_t *value);
bool try_add(_Atomic uint64_t *at, uint64_t value);
bool try_set(volatile uint64_t *at, uint64_t value);

/* ---- places.c ---- */

/* All of it is as p says. */
void place_check(struct me *m, const struct place *p);
void place_map(struct me *m, struct place *p);
void place_protect(struct me *m, struct place *p);
void place_forget(struct me *m, struct place *p);
void place_lock(struct me *m, struct place *p);
void place_advise(struct me *m, struct place *p);
void place_cut(struct me *m, struct place *p);
void place_move(struct me *m, struct place *p);
void place_use(struct me *m, struct place *p);

/* ---- arenas.c ---- */

/* Where it begins; a word of it is published in m->arena. */
unsigned char *arena_start(struct me *m);
/* Writes to somebody's arena, right or no right. */
void poke(struct me *m);
/* For a while nobody may change the words at `at`. */
void watch(struct me *m, unsigned char *at, const char *why);
void arena_new(struct me *m);
/* Takes rights away from those who poke. */
void revoke(struct me *m);
/* Who reads what a thread has told does not read an older word after it. */
void bear_witness(struct me *m);
void witness_begin(void);

/* ---- file.c ---- */

void file_step(struct me *m);
void file_begin(void);

/* ---- children.c ---- */

extern int child_depth;

/* A child of m ends with that status. */
void wait_for(struct me *m, pid_t pid, int want);
/* execve of itself, which exits with that status. */
void be_another(int status);
void fork_one(struct me *m);
void vfork_one(struct me *m);

/* ---- between.c ---- */

/* A page goes to whoever takes it, or comes from whoever gave it. */
void give(struct me *m);
void take(struct me *m);
void use_token(struct me *m);
/* A thread on that stack of STACK bytes: what pthread_create returns. */
int start_on(pthread_t *t, unsigned char *stack, void *(*fn)(void *), void *arg);
void start_thread(struct me *m);
void change_brk(struct me *m);
void read_maps(struct me *m);
void wander(struct me *m);
void signal_one(struct me *m);
void on_user(int sig);
void between_begin(unsigned n);
/* The thread takes no more part: nobody waits for what it may give. */
void leave_others(void);
void token_check(void);

/* ---- work.c ---- */

extern struct me *threads;		/* of this process */
extern unsigned nthreads;
extern unsigned steps;			/* that a thread does; 0: until it is killed */

/* What a thread does, with its struct me. */
void *thread_main(void *arg);
void set_signals(void);
/* All n but thread 0, which the caller is. */
void threads_begin(unsigned process, unsigned n, uint64_t seed);
/* A process of n threads, to its end; adds what they added to the counters to *total. */
void worker(unsigned process, unsigned n, uint64_t seed, _Atomic uint64_t *total);

/* ---- storms.c ---- */

void pause_us(unsigned us);
/* count groups of n threads that are killed or end themselves, one after the other. */
void storm(unsigned process, unsigned n, uint64_t seed, unsigned count);
