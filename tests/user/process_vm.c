/* process_vm_readv and process_vm_writev: of oneself and of a child; lists, short copies, what is refused. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "call.h"

#define PAGE	4096ul

static char here[64 * PAGE];

static char *map(size_t pages, int prot)
{
	char *p = mmap(NULL, pages * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		exit(1);
	return p;
}

static long get(pid_t pid, void *to, const void *from, size_t n)
{
	struct iovec own = { to, n }, other = { (void *)from, n };

	return process_vm_readv(pid, &own, 1, &other, 1, 0);
}

static long put(pid_t pid, const void *from, void *to, size_t n)
{
	struct iovec own = { (void *)from, n }, other = { to, n };

	return process_vm_writev(pid, &own, 1, &other, 1, 0);
}

static unsigned sum(const void *p, size_t n)
{
	unsigned s = 0;

	for (size_t i = 0; i < n; i++)
		s = s * 31 + ((const unsigned char *)p)[i];
	return s;
}

static void fill(char *p, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (char)(seed = seed * 1103515245 + 12345, seed >> 16);
}

/* ---- oneself ---- */

static void own_memory(void)
{
	char *p = map(8, PROT_READ | PROT_WRITE);

	fill(p, 3 * PAGE, 1);
	call_show("read 3 pages", get(getpid(), here, p, 3 * PAGE));
	printf("same: %d\n", !memcmp(here, p, 3 * PAGE));
	call_show("read untouched", get(getpid(), here, p + 3 * PAGE + 5, 2 * PAGE));
	printf("sum %u\n", sum(here, 2 * PAGE));
	fill(here, 5 * PAGE, 2);
	call_show("write over an edge", put(getpid(), here, p + 100, 4 * PAGE));
	printf("same: %d, sum %u\n", !memcmp(here, p + 100, 4 * PAGE), sum(p, 8 * PAGE));
	call_show("onto itself, forward", put(getpid(), p, p + 104, PAGE));
	printf("sum %u\n", sum(p, 2 * PAGE));
	call_show("onto itself, backward", put(getpid(), p + 104, p, PAGE));
	printf("sum %u\n", sum(p, 2 * PAGE));
	munmap(p, 8 * PAGE);
}

static unsigned char resident(const char *p)
{
	unsigned char v = 9;

	mincore((void *)p, 1, &v);
	return v & 1;
}

/* What is asked for of the other side is brought in, whether or not it is copied. */
static void residency(void)
{
	char *p = map(4, PROT_READ | PROT_WRITE);
	struct iovec own = { here, 10 }, other = { p, 3 * PAGE };

	call_show("10 bytes of 3 pages", process_vm_writev(getpid(), &own, 1, &other, 1, 0));
	printf("resident: %d %d %d %d\n", resident(p), resident(p + PAGE), resident(p + 2 * PAGE),
	       resident(p + 3 * PAGE));
	munmap(p, 4 * PAGE);
}

static void rights(void)
{
	static const struct { const char *name; int prot; } rights[] = {
		{ "none", PROT_NONE }, { "r", PROT_READ }, { "w", PROT_WRITE }, { "x", PROT_EXEC },
		{ "rw", PROT_READ | PROT_WRITE }, { "rx", PROT_READ | PROT_EXEC },
	};

	for (unsigned i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
		char *p = map(2, PROT_READ | PROT_WRITE), name[32];

		p[0] = 'a';
		mprotect(p, 2 * PAGE, rights[i].prot);
		for (int touched = 1; touched >= 0; touched--) {
			char *at = p + (touched ? 0 : PAGE);

			snprintf(name, sizeof(name), "read %s %s", rights[i].name, touched ? "there" : "not there");
			call_show(name, get(getpid(), here, at, 4));
			snprintf(name, sizeof(name), "write %s %s", rights[i].name, touched ? "there" : "not there");
			call_show(name, put(getpid(), "wxyz", at, 4));
		}
		munmap(p, 2 * PAGE);
	}
}

/* A hole on either side, at each place of the lists. */
static void holes(void)
{
	char *p = map(6, PROT_READ | PROT_WRITE);
	struct iovec own[3], other[3];

	fill(p, 6 * PAGE, 3);
	munmap(p + 2 * PAGE, PAGE);
	call_show("read into a hole there", get(getpid(), here, p + PAGE + 1, 3 * PAGE));
	call_show("read from the hole on", get(getpid(), here, p + 2 * PAGE, PAGE));
	call_show("write into a hole there", put(getpid(), here, p + PAGE + 1, 3 * PAGE));
	call_show("read into a hole here", get(getpid(), p + PAGE + 100, here, 2 * PAGE));
	call_show("write out of a hole here", put(getpid(), p + PAGE + 200, here + 50, 2 * PAGE));
	call_show("nothing there at all", get(getpid(), here, (void *)PAGE, 1));
	call_show("nothing here at all", get(getpid(), (void *)PAGE, p, 1));

	own[0] = (struct iovec){ here, 10 };
	own[1] = (struct iovec){ here + 10, 0 };
	own[2] = (struct iovec){ here + 20, 3 * PAGE };
	other[0] = (struct iovec){ p, 0 };
	other[1] = (struct iovec){ p + PAGE - 6, 7 };
	other[2] = (struct iovec){ p + 3 * PAGE, 2 * PAGE };
	call_show("lists", process_vm_readv(getpid(), own, 3, other, 3, 0));
	printf("sum %u\n", sum(here, 4 * PAGE));
	call_show("lists back", process_vm_writev(getpid(), own, 3, other, 3, 0));
	printf("sum %u\n", sum(p + 3 * PAGE, 3 * PAGE));
	other[1].iov_base = p + 2 * PAGE;
	call_show("second is a hole", process_vm_readv(getpid(), own, 3, other + 1, 2, 0));
	other[0] = (struct iovec){ p, 100 };
	call_show("then a hole", process_vm_readv(getpid(), own, 3, other, 3, 0));
	call_show("less there", process_vm_readv(getpid(), own, 3, other, 1, 0));
	call_show("less here", process_vm_readv(getpid(), own, 1, other, 1, 0));
	munmap(p, 6 * PAGE);
}

/* ---- what is refused ---- */

static void refused(void)
{
	static struct iovec many[1025], one = { here, 8 }, none = { here, 0 }, neg = { here, (size_t)-1 },
		kernel = { (void *)0xffff800000000000ul, 8 }, end = { (void *)-PAGE, 2 * PAGE };
	struct iovec *bad = (struct iovec *)PAGE;
	pid_t me = getpid(), child;

	for (int i = 0; i < 1025; i++)
		many[i] = (struct iovec){ here + i, 1 };
	call_show("flags", process_vm_readv(me, &one, 1, &one, 1, 1));
	call_show("flags before all", process_vm_readv(me, bad, 2000, bad, 2000, 2));
	call_show("1025 here", process_vm_readv(me, many, 1025, &one, 1, 0));
	call_show("1025 there", process_vm_readv(me, &one, 1, many, 1025, 0));
	call_show("1024", process_vm_readv(me, many, 1024, many, 1024, 0));
	call_show("no list here", process_vm_readv(me, bad, 1, &one, 1, 0));
	call_show("no list there", process_vm_readv(me, &one, 1, bad, 1, 0));
	call_show("0 here", process_vm_readv(me, bad, 0, bad, 1, 0));
	call_show("0 there", process_vm_readv(me, &one, 1, bad, 0, 0));
	call_show("empty here", process_vm_readv(me, &none, 1, bad, 1, 0));
	call_show("empty there", process_vm_readv(999999, &one, 1, &none, 1, 0));
	call_show("negative here", process_vm_readv(me, &neg, 1, &one, 1, 0));
	call_show("negative there", process_vm_readv(me, &one, 1, &neg, 1, 0));
	call_show("kernel here", process_vm_readv(me, &kernel, 1, &one, 1, 0));
	call_show("kernel there", process_vm_readv(me, &one, 1, &kernel, 1, 0));
	call_show("write kernel there", process_vm_writev(me, &one, 1, &kernel, 1, 0));
	call_show("over the end there", process_vm_readv(me, &one, 1, &end, 1, 0));
	call_show("nobody", process_vm_readv(999999, &one, 1, &one, 1, 0));
	call_show("pid 0", process_vm_readv(0, &one, 1, &one, 1, 0));
	call_show("pid -1", process_vm_writev(-1, &one, 1, &one, 1, 0));
	child = fork();
	if (!child)
		_exit(0);
	waitid(P_PID, (id_t)child, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
	call_show("zombie", process_vm_readv(child, &one, 1, &one, 1, 0));
	waitpid(child, NULL, 0);
	call_show("gone", process_vm_readv(child, &one, 1, &one, 1, 0));
}

/* ---- a child ---- */

static void child_memory(void)
{
	char *p = map(600, PROT_READ | PROT_WRITE), *ro = map(1, PROT_READ | PROT_WRITE);
	char *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int go[2], done[2], status;
	pid_t child;
	char c;

	fill(p, 600 * PAGE, 5);
	strcpy(ro, "read only");
	mprotect(ro, PAGE, PROT_READ);
	if (pipe(go) || pipe(done))
		exit(1);
	fflush(stdout);
	child = fork();
	if (!child) {
		p[5 * PAGE] = 'c';
		write(done[1], "x", 1);
		read(go[0], &c, 1);
		printf("child has %.5s %.5s %.5s %.9s, sum %u\n", p, p + 5 * PAGE, p + 300 * PAGE, ro,
		       sum(p, 600 * PAGE));
		printf("child shares %s\n", shared);
		fflush(stdout);
		_exit(3);
	}
	read(done[0], &c, 1);
	call_show("child's own page", get(child, here, p + 5 * PAGE, PAGE));
	printf("%c, here %d\n", here[0], p[5 * PAGE]);
	call_show("shared so far", get(child, here, p + 7 * PAGE, 2 * PAGE));
	printf("same: %d\n", !memcmp(here, p + 7 * PAGE, 2 * PAGE));
	call_show("write where both share", put(child, "hello", p, 5));
	call_show("write to the child's own", put(child, "chest", p + 5 * PAGE, 5));
	call_show("write far", put(child, "farer", p + 300 * PAGE, 5));
	call_show("write to read-only", put(child, "oops", ro, 4));
	call_show("write to shared memory", put(child, "for both", shared, 9));
	call_show("stack", get(child, here, &c, 1));
	call_show("text", get(child, here, (void *)(uintptr_t)child_memory, 16));
	printf("same: %d\n", !memcmp(here, (void *)(uintptr_t)child_memory, 16));
	call_show("write to text", put(child, here, (void *)(uintptr_t)child_memory, 16));
	printf("here: sum %u, %s, %s\n", sum(p, 600 * PAGE), ro, shared);
	write(go[1], "x", 1);
	waitpid(child, &status, 0);
	printf("child left with %d\n", WEXITSTATUS(status));
	call_show("no more", get(child, here, p, 1));
	munmap(p, 600 * PAGE);
}

/* More than is brought in at once. */
static void large(void)
{
	size_t n = 3000 * PAGE;
	char *p = map(3000, PROT_READ | PROT_WRITE), *q = map(3000, PROT_READ | PROT_WRITE);

	fill(p, n, 7);
	call_show("12 MB", put(getpid(), p + 3, q + 7, n - 7));
	printf("same: %d\n", !memcmp(p + 3, q + 7, n - 7));
	memset(p, 0, n);
	call_show("12 MB back", get(getpid(), p, q, n));
	printf("same: %d\n", !memcmp(p, q, n));
	munmap(q + 2000 * PAGE, PAGE);
	call_show("up to a hole", get(getpid(), p, q + 1, n - 1));
	call_show("up to a hole", put(getpid(), p, q + 1, n - 1));
	munmap(p, n);
	munmap(q, n);
}

int main(void)
{
	own_memory();
	residency();
	rights();
	holes();
	refused();
	child_memory();
	large();
	return 0;
}
