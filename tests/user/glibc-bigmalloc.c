/* 1 GB of malloc on a machine with 256 MB costs what is touched: 10 MB and the tables for it. */
/* mem: 256M */
/* oracle: none */
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysinfo.h>

#define BLOCKS	8
#define BLOCK	(128ul << 20)
#define TOUCHED	(10ul << 20)
#define KB	1024ul

static unsigned long free_ram(void)
{
	struct sysinfo s;

	if (sysinfo(&s))
		perror("sysinfo");
	return s.freeram * s.mem_unit;
}

int main(void)
{
	char *block[BLOCKS];
	unsigned long before = free_ram(), promised, after;

	for (int i = 0; i < BLOCKS; i++) {
		block[i] = malloc(BLOCK);
		if (!block[i])
			printf("not ok: block %d is refused\n", i);
	}
	promised = free_ram();
	for (int i = 0; i < BLOCKS; i++)
		for (unsigned long at = 0; at < TOUCHED / BLOCKS; at += 4096)
			block[i][at + 4096] = 1;
	after = free_ram();
	printf("free before %lu KB, with 1 GB promised %lu KB, with 10 MB touched %lu KB\n",
	       before / KB, promised / KB, after / KB);
	printf("promised: %lu KB, touched: 10240 KB and %lu KB of tables\n",
	       (before - promised) / KB,
	       (promised - after - TOUCHED) / KB);
	if (before - promised > 200 * KB || promised - after < TOUCHED ||
	    promised - after > TOUCHED + 2048 * KB)
		printf("not ok: that is not what was touched\n");
	return 0;
}
