/* What the parts of fuzz share; ../fuzz.c says what it is about. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PAGE		4096ul
#define AREA		0x123400000000ul
#define AREA_PAGES	64ul

/* ---- calls.c ---- */

/*
 * What a call takes: p pointer, v pointer to an iovec, m to a message with files, k to clone3's, A to a name of a socket, l its length, P path, M one to mount at,
 * T type of a file system, O its options, D device to swap to, n length, i small number or flags,
 * f fd, h segment of shared memory, c small number, t request of a terminal, s signal, d process (never another
 * one's: a fuzzed parent proves nothing), o offset.
 */
struct call { int nr; const char *takes; };

extern const struct call calls[];
extern const unsigned ncalls;
/* May it be made with any arguments? */
bool tame(uint64_t nr);

/* ---- arguments.c ---- */

extern uint64_t state;			/* of the random numbers */
uint64_t bits(void);
uint64_t below(uint64_t n);
uint64_t small(void);
uint64_t pointer(void);
uint64_t argument(char kind);

/* ---- repair.c ---- */

extern uint64_t *segments;		/* the number of the last segment of shared memory but one; seen by all */
extern unsigned unmounted;		/* how many mounts have been undone */
#define MOUNTS_FD	201		/* /proc/mounts, whatever is mounted over it */
/* An open file gets a number beyond those of children. */
void move_fd(int from, int to);
/* Notes how the machine is before the first batch. */
void repair_prepare(void);
/* What a batch has left outside of its processes goes. Returns whether the machine is as it was. */
bool repair(void);
