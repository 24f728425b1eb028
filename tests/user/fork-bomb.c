/* oracle: none */
/* mem: 64M */
/*
 * As many processes as there is room for: fork says so at last, all of them can
 * still run and end, and the memory is there again; three times.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

static char page[64][4096];

static long free_bytes(void)
{
	struct sysinfo s;

	sysinfo(&s);
	return (long)s.freeram;
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
	long before, after;

	setvbuf(stdout, NULL, _IONBF, 0);
	memset(page, 1, sizeof(page));
	bomb();
	before = free_bytes();
	for (int i = 0; i < 2; i++) {
		int n = bomb();

		if (n < 100)
			printf("not ok: only %d children\n", n);
	}
	after = free_bytes();
	if (before - after > 512 << 10)
		printf("not ok: free before %ld, after %ld\n", before, after);
	return 0;
}
