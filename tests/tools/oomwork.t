#!/usr/bin/python3
"""When memory and swap are full, the OOM killer acts after a bounded number of looks at each page, however many
want memory, and though some give pages back and take them again all the time."""
import re

from tap import c_program, check, end, tool

program = c_program("outof", r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define LAP	(2ul << 20)

static char text[16384];
static volatile int *go;

static void *map(size_t bytes)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static void write_all(char *m, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += 4096)
		m[i] = 1;
}

/* Takes what there is, and keeps it. */
static void hog(void)
{
	write_all(map(1ul << 30), 1ul << 30);
}

/* Has always the same, but gives it up when it is full. */
static void churn(void)
{
	char *m = map(LAP);

	for (;;) {
		write_all(m, LAP);
		madvise(m, LAP, MADV_FREE);
	}
}

static void adjust(const char *score)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);

	if (write(fd, score, strlen(score)) < 0)
		_exit(2);
	close(fd);
}

/* They begin when the parent has all it needs. */
static void start(unsigned n, void (*child)(void))
{
	while (n--)
		if (!fork()) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			adjust("0");
			while (!*go)
				usleep(1000);
			child();
		}
}

static unsigned long figure(const char *name)
{
	unsigned long n = 0;
	int fd, got = -1;
	char *at;

	while (got <= 0) {
		fd = open("/proc/vmstat", O_RDONLY);
		got = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	text[got] = 0;
	at = strstr(text, name);
	if (at)
		sscanf(at + strlen(name), " %lu", &n);
	return n;
}

int main(int argc, char **argv)
{
	unsigned long kills;

	if (argc < 3)
		return 2;
	go = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	adjust("-1000");
	start(atoi(argv[1]), hog);
	start(atoi(argv[2]), churn);
	if (mlockall(MCL_CURRENT))
		return 2;
	*go = 1;
	while (!(kills = figure("oom_kill")))
		usleep(500);
	printf("kills %lu\n%s", kills, text);
	return 0;
}""")

# At each page, at most. The first who finds out needs 48 (mm/reclaim/direct.c); the killer first gets back what is
# free but out of reach, so it may be asked again; and others have begun theirs meanwhile.
LOOKS = 350
FRAMES = (128 - 32) * 256
SLOTS = 32 * 256

for hogs, churners in (8, 4), (24, 4):
    done = tool("qrun", "-t", "300", "-c", "4", "-m", "128M", "-a", "swap=32M", program, str(hogs), str(churners))
    n = {k: int(v) for k, v in re.findall(r"^(\w+) (\d+)$", done.out.decode(), re.M)}
    name = f"{hogs} that take all, {churners} that give back"
    if not check(done.status == 0 and n.get("pswpout", 0) > SLOTS * 9 // 10, f"{name}: swap was full", done.out, done.err):
        continue
    looks = (n["pgscan_kswapd"] + n["pgscan_direct"]) / n["kills"] / FRAMES
    check(looks < LOOKS, f"{name}: {n['kills']} killed, for each {looks:.0f} looks at each page", done.out, done.err)
end()
