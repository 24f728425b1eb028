/* oracle: none */
/* mem: 64M */
/*
 * As many processes as there is room for: fork says so at last, all of them can
 * still run and end, and the memory is there again; three times.
 *
 * What the last ones have given up comes back when a grace period is over, and each CPU keeps some objects of each
 * slab cache, and with them their slabs: so memory is waited for, and slabs are looked at by themselves.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char page[64][4096];

#define LESS_KB		512		/* that may be missing at the end; */
#define SLABS_KB	256		/* that slabs may have more then, for each CPU */
#define WAITS		100		/* of 10 ms each, for what comes back late */

struct memory { long free, slab; };	/* KB; free: slabs with it */

static struct memory memory_now(void)
{
	struct memory m = { 0, 0 };
	FILE *f = fopen("/proc/meminfo", "r");
	char line[80];

	while (fgets(line, sizeof(line), f)) {
		sscanf(line, "MemFree: %ld", &m.free);
		sscanf(line, "Slab: %ld", &m.slab);
	}
	fclose(f);
	m.free += m.slab;
	return m;
}

/* How many children there were; each has pages of its own. */
static int bomb(void)
{
	int p[2], n = 0, ended = 0, status;
	char c;
	pid_t pid;

	if (pipe(p))
		return -1;
	while ((pid = fork()) > 0)
		n++;
	if (!pid) {
		close(p[1]);
		for (int i = 0; i < 8; i++)
			page[i][0] = (char)i;
		(void)!read(p[0], &c, 1);
		_exit(7);
	}
	if (errno != ENOMEM && errno != EAGAIN)
		printf("not ok: fork: %s\n", strerror(errno));
	close(p[0]);
	close(p[1]);
	while (wait(&status) > 0)
		ended += (WIFEXITED(status) && WEXITSTATUS(status) == 7) || WIFSIGNALED(status);
	if (ended != n)
		printf("not ok: %d children, %d ended\n", n, ended);
	return n;
}

int main(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct memory before, after;

	setvbuf(stdout, NULL, _IONBF, 0);
	memset(page, 1, sizeof(page));
	bomb();
	sleep(1);
	before = memory_now();
	for (int i = 0; i < 2; i++) {
		int n = bomb();

		if (n < 100)
			printf("not ok: only %d children\n", n);
	}
	after = memory_now();
	for (int i = 0; i < WAITS && before.free - after.free > LESS_KB; i++) {
		usleep(10000);
		after = memory_now();
	}
	if (before.free - after.free > LESS_KB || after.slab - before.slab > SLABS_KB * cpus)
		printf("not ok: KB free or slabs %ld, slabs %ld; after that %ld, %ld\n", before.free, before.slab,
		       after.free, after.slab);
	return 0;
}
