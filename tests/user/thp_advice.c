/* What a program says of huge pages: MADV_HUGEPAGE, prctl(PR_SET_THP_DISABLE), and how it is shown. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "call.h"

#define MB2	(2ul << 20)

static char *base;

/* hg, nh and nothing of each mapping in the 8 MB from base on, by its pages from there. */
static void show(const char *what)
{
	char line[600], *flags;
	unsigned long from = 0, to = 0;
	FILE *f = fopen("/proc/self/smaps", "r");

	printf("%s:", what);
	while (f && fgets(line, sizeof(line), f)) {
		if (line[0] < 'A' || line[0] > 'Z')
			sscanf(line, "%lx-%lx", &from, &to);
		if (strncmp(line, "VmFlags:", 8) || from < (unsigned long)base ||
		    from >= (unsigned long)base + 4 * MB2)
			continue;
		flags = line + 8;
		printf(" %lu-%lu%s%s", (from - (unsigned long)base) / PAGE, (to - (unsigned long)base) / PAGE,
		       strstr(flags, " hg") ? " hg" : "", strstr(flags, " nh") ? " nh" : "");
	}
	printf("\n");
	if (f)
		fclose(f);
}

static void status(const char *what)
{
	char line[200];
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "THP_enabled:", 12))
			printf("%s: %s", what, line);
	if (f)
		fclose(f);
}

/* Parts of a mapping that are advised apart are mappings apart, and join again. */
static void advice(void)
{
	show("fresh");
	CALL(madvise, base + MB2, MB2, MADV_HUGEPAGE);
	show("huge in the middle");
	CALL(madvise, base + MB2 + PAGE, PAGE, MADV_NOHUGEPAGE);
	show("not one page of it");
	CALL(madvise, base, 4 * MB2, MADV_HUGEPAGE);
	show("huge all of it");
	CALL(madvise, base + MB2, 2 * MB2, MADV_NOHUGEPAGE);
	CALL(madvise, base, MB2, MADV_NOHUGEPAGE);
	show("none but the end");
	mmap(base + 2 * MB2, MB2, PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	CALL(madvise, base + 2 * MB2, MB2, MADV_HUGEPAGE);
	show("a shared mapping");
	munmap(base + 2 * MB2, MB2);
	CALL(madvise, base, 4 * MB2, MADV_HUGEPAGE);
	mmap(base + 2 * MB2, MB2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	show("around a hole");
	CALL(madvise, base + 1, PAGE, MADV_HUGEPAGE);
	CALL(madvise, base, 0, MADV_HUGEPAGE);
}

static void in_child(void)
{
	fflush(stdout);
	if (!fork()) {
		CALL(prctl, PR_GET_THP_DISABLE, 0, 0, 0, 0);
		status("a child");
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
}

static void disabling(void)
{
	status("at first");
	CALL(prctl, PR_GET_THP_DISABLE, 0, 0, 0, 0);
	CALL(prctl, PR_GET_THP_DISABLE, 1, 0, 0, 0);
	CALL(prctl, PR_GET_THP_DISABLE, 0, 0, 0, 1);
	CALL(prctl, PR_SET_THP_DISABLE, 1, 0, 1, 0);
	CALL(prctl, PR_SET_THP_DISABLE, 7, 0, 0, 0);
	status("disabled");
	in_child();
	CALL(prctl, PR_SET_THP_DISABLE, 0, 0, 0, 0);
	status("enabled again");
	in_child();
}

int main(void)
{
	base = mmap(NULL, 6 * MB2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return 1;
	base = (char *)(((unsigned long)base + MB2) & -MB2);
	mmap(base, 4 * MB2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	advice();
	disabling();
	return 0;
}
