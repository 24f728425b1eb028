/*
 * Surplus pages: what nr_overcommit_hugepages lets mappings have beyond the pool, and what becomes of them. Each line but
 * those of calls: how many pages more than at the beginning.
 */
#include "hugetlb.h"
#include <errno.h>

static long first[4];

static const char *store(const char *path, unsigned long n)
{
	char text[32];
	int fd = open(path, O_WRONLY), len = snprintf(text, sizeof(text), "%lu\n", n);
	long done = write(fd, text, (size_t)len);

	close(fd);
	return done == len ? "done" : strerrorname_np(errno);
}

static void show(const char *when)
{
	static const char *const name[4] = { "nr", "free", "resv", "surplus" };

	printf("%-20s", when);
	for (int i = 0; i < 4; i++) {
		if (!*when)
			first[i] = pool(name[i]);
		printf(" %s %ld", name[i], pool(name[i]) - first[i]);
	}
	printf(", nr wanted %ld\n", figure("/proc/sys/vm/nr_hugepages"));
	fflush(stdout);
}

static char *map(unsigned long n, int flags)
{
	char *p = mmap(NULL, n * SIZE, RW, flags | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	if (p == MAP_FAILED)
		printf("mmap of %lu: %s\n", n, strerrorname_np(errno));
	return p;
}

int main(void)
{
	const char *all = "/proc/sys/vm/nr_hugepages", *over = "/proc/sys/vm/nr_overcommit_hugepages";
	char *p, *q;

	printf("%s\n", store(all, 0));
	show("");
	printf("1 GB: %s\n", store("/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_overcommit_hugepages", 1));
	map(1, MAP_PRIVATE);
	printf("%s\n", store(over, first[3] + 4));
	p = map(3, MAP_PRIVATE);
	show("3 mapped");
	p[0] = 1;
	show("1 written");
	map(2, MAP_SHARED);
	show("2 more refused");
	q = map(1, MAP_PRIVATE | MAP_NORESERVE);
	q[0] = 2;
	show("1 not promised");
	printf("%s\n", store(all, first[0] + 2));
	show("2 are no surplus");
	munmap(q, SIZE);
	show("that unmapped");
	munmap(p, 3 * SIZE);
	show("all unmapped");
	printf("%s\n", store(all, 0));
	show("none wanted");
	printf("%s\n", store(all, first[0] + 2));
	printf("%s\n", store(over, -1ul));
	map(1000, MAP_PRIVATE);
	show("more than there are");
	p = map(3, MAP_PRIVATE);
	show("1 more than 2");
	munmap(p, 3 * SIZE);
	printf("%s\n", store(all, 0));
	printf("%s\n", store(over, 0));
	return 0;
}
