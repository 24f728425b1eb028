/* flags: -pthread */
/*
 * Forks while another thread cuts a file that is mapped beside what the child gets: the tables
 * of the child are made while the cut passes through them.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	4096ul
#define SPAN	(512 * PAGE)
#define FILES	8u			/* mappings of the file, each below an upper table of its own */
#define PAGES	40u			/* beside each: so many that the table is shared by a fork */
#define FEW	4u			/* and so few that they are copied, beside every other one */
#define FORKS	100

static unsigned char *at[FILES];
static int file;
static atomic_bool over;

static unsigned few_of(unsigned i)
{
	return i % 2 ? FEW : 0;
}

static void *cutter(void *arg)
{
	while (!over) {
		if (ftruncate(file, 0) || ftruncate(file, PAGE))
			return arg;
		sched_yield();
	}
	return NULL;
}

/* One page of the file, `few` pages in the same span, PAGES in the one above. */
static bool map(unsigned char *base, unsigned few)
{
	unsigned char *p = mmap(base, 2 * SPAN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (p != base || mmap(base, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, file, 0) != base)
		return false;
	for (unsigned i = 1; i <= few; i++)
		base[i * PAGE] = (unsigned char)i;
	for (unsigned i = 0; i < PAGES; i++)
		base[SPAN + i * PAGE] = (unsigned char)i;
	return true;
}

static int wrong(const unsigned char *base, unsigned few)
{
	int n = 0;

	for (unsigned i = 1; i <= few; i++)
		n += base[i * PAGE] != i;
	for (unsigned i = 0; i < PAGES; i++)
		n += base[SPAN + i * PAGE] != i;
	return n;
}

static int wrong_all(void)
{
	int n = 0;

	for (unsigned i = 0; i < FILES; i++)
		n += wrong(at[i], few_of(i));
	return n;
}

int main(void)
{
	unsigned long start = 0x100000000000;
	int good = 0, status;
	pthread_t t;

	file = memfd_create("cut", 0);
	for (unsigned i = 0; i < FILES; i++) {
		at[i] = (unsigned char *)(start + i * SPAN * 512);
		if (!map(at[i], few_of(i)))
			return 1;
	}
	if (pthread_create(&t, NULL, cutter, &over))
		return 1;
	for (int i = 0; i < FORKS; i++) {
		pid_t pid = (pid_t)syscall(SYS_fork);

		if (!pid)
			_exit(wrong_all() ? 1 : 0);
		good += waitpid(pid, &status, 0) == pid && !status;
	}
	over = true;
	pthread_join(t, NULL);
	printf("%d children, %d found all their memory; %d pages wrong in the parent\n", FORKS, good, wrong_all());
	return 0;
}
