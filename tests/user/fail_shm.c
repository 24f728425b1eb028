/* oracle: none */
/* mem: 96M */
/*
 * System V's shared memory without memory: each call with its 1st, 2nd, 3rd … allocation failing (see fail.h).
 * Segments outlive the child that made them: what is prepared is removed as soon as it is attached.
 */
#include "fail_memory.h"
#include <sys/ipc.h>
#include <sys/shm.h>

static int segment;

static long remove_it(void) { return shmctl(segment, IPC_RMID, NULL); }

/* 16 pages at AREA, with words of their own. */
static void attached(void)
{
	segment = shmget(IPC_PRIVATE, 16 * PAGE, 0600);
	need(segment >= 0 && shmat(segment, AT(0), SHM_REMAP) == AT(0) && !remove_it());
	for (unsigned long i = 0; i < 16; i++)
		*word_at(AREA, i) = AREA + i;
}

static void attached_cut(void)
{
	attached();
	need(!mprotect(AT(4), 4 * PAGE, PROT_READ) && !munmap(AT(12), PAGE));
}

static void attached_over_others(void)
{
	attached();
	map_filled(DEST, 32);
}

static long get(void)
{
	segment = shmget(IPC_PRIVATE, 16 * PAGE, 0600);
	return segment < 0 ? -1 : remove_it();
}

static long get_by_key(void)
{
	segment = shmget(0x51fa11, 16 * PAGE, IPC_CREAT | IPC_EXCL | 0600);
	return segment < 0 ? -1 : remove_it();
}

static long attach(void) { return from_map(shmat(segment, NULL, 0)); }
static long attach_at(void) { return from_map(shmat(segment, AT(32), SHM_RDONLY)); }
static long attach_over(void) { return from_map(shmat(segment, TO(8), SHM_REMAP)); }
static long detach(void) { return shmdt(AT(0)); }
static long protect(void) { return mprotect(AT(4), 4 * PAGE, PROT_READ); }
static long unmap(void) { return munmap(AT(4), 4 * PAGE); }
static long move_part(void) { return move(4, 4, 0); }

static long told_of(void)
{
	struct shmid_ds ds;

	return shmctl(segment, IPC_STAT, &ds) || ds.shm_nattch != 1 ? -1 : 0;
}

static const struct row rows[] = {
	{ "shmget", NULL, get, 0, 0 },
	{ "shmget by key", NULL, get_by_key, 0, 0 },
	{ "shmat", attached, attach, 0, 0 },
	{ "shmat at a place", attached, attach_at, 0, 0 },
	{ "shmat SHM_REMAP", attached_over_others, attach_over, LOSES, 0 },
	{ "shmdt", attached, detach, 0, 0 },
	{ "shmdt of what was cut", attached_cut, detach, 0, 0 },
	{ "mprotect of a part", attached, protect, 0, 0 },
	{ "munmap of a part", attached, unmap, 0, 0 },
	{ "mremap of a part", attached, move_part, 0, 0 },
	{ "fork", attached_cut, fork_it, DIES, EAGAIN },
	{ "shmctl IPC_STAT", attached, told_of, 0, 0 },
};

int main(int argc, char **argv)
{
	return SWEEP(rows, argc, argv);
}
