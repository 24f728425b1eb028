/* Calls about memory of several nodes on a machine with one, and advice on files. */
#define _GNU_SOURCE
#include "call.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { DEFAULT, PREFERRED, BIND, INTERLEAVE, LOCAL };
enum { F_NODE = 1, F_ADDR = 2, F_MEMS = 4 };

static char *area;
static unsigned long nodes[16];

static void show(const char *what, void *addr, int flags)
{
	unsigned long got[16] = { 0 };
	int mode = -1;
	long r = syscall(SYS_get_mempolicy, &mode, got, 1024, addr, flags);

	if (r)
		printf("%s: %s\n", what, strerror(errno));
	else
		printf("%s: mode %d, nodes %lx %lx\n", what, mode, got[0], got[1]);
}

static void policies(void)
{
	pid_t pid;

	show("first", NULL, 0);
	show("allowed", NULL, F_MEMS);
	show("of an address", area, F_ADDR);
	show("a node", area, F_NODE | F_ADDR);
	nodes[0] = 1;
	CALL(set_mempolicy, BIND, nodes, 1024);
	show("bound", NULL, 0);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		show("a child's", NULL, 0);
		exit(0);
	}
	waitpid(pid, NULL, 0);
	nodes[0] = 0;
	CALL(set_mempolicy, PREFERRED, nodes, 1024);
	show("none preferred", NULL, 0);
	CALL(set_mempolicy, LOCAL, NULL, 0);
	CALL(set_mempolicy, DEFAULT, NULL, 0);
	show("back", NULL, 0);
}

static void errors(void)
{
	nodes[0] = 1;
	CALL(set_mempolicy, DEFAULT, nodes, 1024);
	CALL(set_mempolicy, LOCAL, nodes, 1024);
	CALL(set_mempolicy, BIND, NULL, 0);
	CALL(set_mempolicy, 99, nodes, 1024);
	CALL(set_mempolicy, BIND, 8, 1024);
	CALL(set_mempolicy, BIND | 3 << 14, nodes, 1024);
	show("flags", NULL, 64);
	show("an address without its flag", area, 0);
	show("both", area, F_ADDR | F_MEMS);
	show("nothing there", (void *)0x1000, F_ADDR);
	CALL(get_mempolicy, NULL, nodes, 0, NULL, 0);
	CALL(get_mempolicy, 8, NULL, 0, NULL, 0);
	CALL(mbind, area, PAGE, BIND, nodes, 1024, 0);
	CALL(mbind, area, PAGE, INTERLEAVE, nodes, 1024, 1);
	CALL(mbind, area, 0, BIND, nodes, 1024, 0);
	CALL(mbind, area + 1, PAGE, BIND, nodes, 1024, 0);
	CALL(mbind, area, 100 * PAGE, BIND, nodes, 1024, 0);
	CALL(mbind, area, PAGE, BIND, nodes, 1024, 64);
	CALL(mbind, area, PAGE, BIND, NULL, 0, 0);
	CALL(migrate_pages, 0, 1024, nodes, nodes);
	CALL(migrate_pages, 0x7ffffff, 1024, nodes, nodes);
	CALL(migrate_pages, 0, 1024, nodes, 8);
}

static void advice(void)
{
	int file = open("/proc/self/exe", O_RDONLY), dir = open("/", O_RDONLY), ends[2], place = open("/", O_PATH);

	if (pipe(ends))
		exit(1);
	for (int a = -1; a < 7; a++)
		printf("advice %d: %ld\n", a, syscall(SYS_fadvise64, file, 0, 0, a));
	CALL(fadvise64, file, -1, 10, 0);
	CALL(fadvise64, ends[0], 0, 0, 0);
	CALL(fadvise64, ends[0], 0, 0, 9);
	CALL(fadvise64, dir, 0, 0, 0);
	CALL(fadvise64, place, 0, 0, 0);
	CALL(fadvise64, 99, 0, 0, 9);
	CALL(readahead, file, 0, 10);
	CALL(readahead, ends[0], 0, 10);
	CALL(readahead, ends[1], 0, 10);
	CALL(readahead, dir, 0, 10);
	CALL(sync_file_range, file, 0, 0, 7);
	CALL(sync_file_range, file, 0, 0, 8);
	CALL(sync_file_range, file, -1, 0, 0);
	CALL(sync_file_range, file, 1, 0x7fffffffffffffff, 0);
	CALL(sync_file_range, ends[0], 0, 0, 0);
	CALL(sync_file_range, dir, 0, 0, 0);
}

int main(void)
{
	area = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(area + 4 * PAGE, 4 * PAGE);
	policies();
	errors();
	advice();
	return 0;
}
