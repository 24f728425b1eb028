/*
 * Failure injection: an act is done with its 1st, 2nd, 3rd … allocation failing, until it needs
 * no more of them. Each time in a child of its own, after which
 *
 *	- what the act said is right: it succeeded, failed with an error that is expected there,
 *	  or (faults) the child was killed for want of memory
 *	- what it did is right: what the child sees of its memory, files and signals (struct
 *	  sight) is as before the act if it failed, and as after it if it succeeded
 *	- nothing is lost: as many frames and kernel objects in use as before the child
 *	- /proc/mm_verify says ok
 *
 * For Quire alone: nothing else has /proc/self/fail_alloc.
 */
#ifndef TESTS_USER_FAIL_H
#define TESTS_USER_FAIL_H

#include "fail_look.h"

#define N_MAX		1500		/* allocations of one act at most: mremap may copy every page of AREA */

struct row {
	const char *name;
	void (*prepare)(void);
	long (*act)(void);		/* -1 and errno, as a system call; whoever touches memory: 0 */
	unsigned flags;
	int also;			/* an error besides ENOMEM */
};
#define DIES		1u		/* may be killed for want of memory: it faults */
#define PARTLY		2u		/* may fail half-way; what memory holds is as before */
#define LOSES		4u		/* may fail with what was at its destination gone */
#define SEGV_TOO	8u		/* … by SIGSEGV, too */
#define EXECS		16u		/* on success the child is another program, which says so */
#define EXEC_RAN	42		/* … by this status, if nothing failed; EXEC_HURT, if it did */
#define EXEC_HURT	43

/* Parent and child both see it. */
struct told {
	struct sight sight;
	long result;
	int error;
	bool fired, finished;
	pid_t holder;
};

static struct told *told;
static int fail_fd;
static pid_t holder;

/* ---- what acts need ---- */

static void must(bool good, const char *what)
{
	if (good)
		return;
	printf("not ok %s: %s\n", what, strerror(errno));
	exit(1);
}

static volatile uint64_t *word_at(unsigned long base, unsigned long page)
{
	return (volatile uint64_t *)(base + page * PAGE);
}

static inline void map_at(unsigned long base, unsigned long n, int prot, int flags, int fd)
{
	must(mmap((void *)base, n * PAGE, prot, flags | MAP_FIXED, fd, 0) == (void *)base, "mmap");
}

/* n pages at base, each with words of its own. */
static inline void map_filled(unsigned long base, unsigned long n)
{
	map_at(base, n, RW, ANON, -1);
	for (unsigned long i = 0; i < n; i++)
		*word_at(base, i) = base + i;
}

static inline void make_mem_fd(unsigned long pages, unsigned long filled)
{
	mem_fd = memfd_create("fail", MFD_ALLOW_SEALING);
	must(mem_fd >= 0 && !ftruncate(mem_fd, (off_t)(pages * PAGE)), "memfd");
	for (uint64_t i = 0; i < filled; i++)
		must(pwrite(mem_fd, &i, 8, (off_t)(i * PAGE)) == 8, "memfd");
}

/* A child that shares everything with this process until the end. */
static inline void make_holder(void)
{
	holder = fork();
	must(holder >= 0, "holder");
	if (holder == 0)
		for (;;)
			pause();
	told->holder = holder;
}

static void end_holder(void)
{
	if (holder <= 0)
		return;
	kill(holder, SIGKILL);
	waitpid(holder, NULL, 0);
	holder = 0;
	told->holder = 0;
}

/* For what takes back what an act did: the allocation that fails may be one of its own. */
#define UNTIL(call) while ((call) < 0 && errno == ENOMEM) {}

static inline int keep_errno(long r, int err)
{
	errno = err;
	return (int)r;
}

/* What the child itself needs in order to go on is there, and its own. */
static void fault_own_in(void)
{
	static char text[16384];
	volatile char room[32 * PAGE];
	unsigned long start, end;
	char prot[8];

	for (size_t i = 0; i < sizeof(room); i += PAGE)
		room[i] = 0;
	read_file("/proc/self/maps", text, sizeof(text));
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (sscanf(line, "%lx-%lx %4s", &start, &end, prot) != 3 || in_area(start) ||
		    prot[0] != 'r')
			continue;
		must(!madvise((void *)start, end - start, prot[1] == 'w' ? MADV_POPULATE_WRITE :
			      MADV_POPULATE_READ) || strstr(line, "[v"), line);
	}
}

/* ---- one try ---- */

static void arm(unsigned n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u\n", n);

	while (pwrite(fail_fd, text, (size_t)len, 0) != len)
		;			/* n was 0: what was left may hit this very call */
}

/* Has the failure come? If it comes to the reading, then not to what was before. */
static bool has_fired(void)
{
	char text[32] = "";

	return pread(fail_fd, text, sizeof(text) - 1, 0) > 0 && atoll(text) == 0;
}

static unsigned armed;

/* What comes now is not the act any more. */
static void disarm(void)
{
	if (armed)
		told->fired = has_fired();
	armed = 0;
	arm(0);
}

static void try(const struct row *row, bool act, unsigned n)
{
	fail_fd = open("/proc/self/fail_alloc", O_RDWR);
	must(fail_fd >= 0, "fail_alloc");
	if (row->prepare)
		row->prepare();
	fault_own_in();
	arm(n);
	armed = n;
	if (act) {
		errno = 0;
		told->result = row->act();
		told->error = errno;
	}
	disarm();
	told->sight = look();
	end_holder();
	told->finished = true;
	_exit(0);
}

/* Its status. */
static int run(const struct row *row, bool act, unsigned n)
{
	pid_t pid;
	int status;

	memset(told, 0, sizeof(*told));
	fflush(stdout);
	pid = fork();
	must(pid >= 0, "fork");
	if (pid == 0)
		try(row, act, n);
	must(waitpid(pid, &status, 0) == pid, "waitpid");
	if (told->holder) {
		kill(told->holder, SIGKILL);
		while (!kill(told->holder, 0))
			usleep(200);
	}
	return status;
}

/* ---- nothing is lost ---- */

/* What is in use: frames, and objects of each cache. */
struct use { long frames; long objects[48]; };

static long field(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtol(at + strlen(name), NULL, 10) : 0;
}

static void count_use(struct use *u)
{
	static char text[16384];
	size_t i = 0;

	memset(u, 0, sizeof(*u));
	read_file("/proc/slabinfo", text, sizeof(text));
	for (char *line = strtok(text, "\n"); line && i < 48; line = strtok(NULL, "\n"))
		if (line[0] != '#' && strncmp(line, "slabinfo", 8) && strncmp(line, "radix", 5))
			u->objects[i++] = strtol(line + 17, NULL, 10);
	read_file("/proc/meminfo", text, sizeof(text));
	u->frames = field(text, "MemTotal:") - field(text, "MemFree:") - field(text, "Cached:") -
		    field(text, "Slab:") - field(text, "KernelStack:");
}

static bool one_cpu;

/* What is in use when nothing is on its way to be freed: with several CPUs that takes some ticks. */
static void count_settled(struct use *u)
{
	struct use again;
	int same = 0;

	count_use(u);
	for (int i = 0; i < 100 && same < 3 && !one_cpu; i++) {
		usleep(5000);
		again = *u;
		count_use(u);
		same = memcmp(&again, u, sizeof(again)) ? 0 : same + 1;
	}
}

/* Tables and dead VMAs go a little later. */
static bool settles(const struct use *before)
{
	struct use now;

	for (int i = 0; i < 200; i++) {
		count_use(&now);
		if (now.frames <= before->frames && !memcmp(now.objects, before->objects,
							    sizeof(now.objects)))
			return true;
		usleep(500);
	}
	printf("# in use: %ld kB of frames, %ld before; objects by cache:", now.frames,
	       before->frames);
	for (int i = 0; i < 48; i++)
		if (now.objects[i] != before->objects[i])
			printf(" %d: %ld, %ld before;", i, now.objects[i], before->objects[i]);
	printf("\n");
	return false;
}

static bool verified(void)
{
	static char text[4096];

	read_file("/proc/mm_verify", text, sizeof(text));
	if (!strcmp(text, "ok\n"))
		return true;
	printf("# mm_verify: %s\n", text);
	return false;
}

/* ---- a row ---- */

struct tally { unsigned refused, killed, went_on; };

static bool same(const struct sight *a, const struct sight *b, unsigned flags)
{
	if (flags & LOSES)
		return a->files == b->files && a->signals == b->signals;
	return (flags & PARTLY || a->maps == b->maps) && a->content == b->content &&
	       a->files == b->files && a->signals == b->signals;
}

static const char *judge_end(const struct row *row, int status, struct tally *t)
{
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (row->flags & DIES && (sig == SIGKILL || (sig == SIGSEGV && row->flags & SEGV_TOO))) {
		t->killed++;
		return NULL;
	}
	if (row->flags & EXECS && WIFEXITED(status) && WEXITSTATUS(status) == EXEC_HURT) {
		t->went_on++;
		return NULL;
	}
	return "ended in a way that is not expected";
}

static const char *judge(const struct row *row, int status, const struct sight *before,
			 const struct sight *after, struct tally *t)
{
	if (!told->finished)
		return judge_end(row, status, t);
	if (told->result < 0) {
		if (!told->fired)
			return "fails without a reason";
		if (told->error != ENOMEM && told->error != row->also)
			return "the wrong error";
		t->refused++;
		return same(&told->sight, before, row->flags) ? NULL : "failed, and changed something";
	}
	t->went_on += told->fired;
	return same(&told->sight, after, 0) ? NULL : "succeeded, and did something else";
}

static bool over(const struct row *row, int status)
{
	if (row->flags & EXECS && WIFEXITED(status) && WEXITSTATUS(status) == EXEC_RAN)
		return true;
	return told->finished && !told->fired;
}

static void sweep(const struct row *row)
{
	struct sight before, after;
	const char *bad = NULL;
	struct tally t = { 0 };
	struct use use;
	unsigned n;
	int status = 0;

	run(row, false, 0);
	before = told->sight;
	run(row, true, 0);
	after = told->sight;
	usleep(3000);
	count_settled(&use);
	for (n = 1; n < N_MAX && !bad; n++) {
		status = run(row, true, n);
		bad = over(row, status) && !told->finished ? NULL : judge(row, status, &before, &after, &t);
		if (!bad && !verified())
			bad = "mm_verify";
		if (!bad && !settles(&use))
			bad = "something is lost";
		if (over(row, status))
			break;
	}
	if (!bad && n == N_MAX)
		bad = "there is no end of it";
	if (bad)
		printf("# N=%u: status %#x, result %ld, error %s, fired %d, sight %lx %lx %lx %lx, "
		       "before %lx %lx %lx %lx, after %lx %lx %lx %lx\n", n, (unsigned)status,
		       told->result, strerror(told->error), told->fired, told->sight.maps,
		       told->sight.content, told->sight.files, told->sight.signals, before.maps,
		       before.content, before.files, before.signals, after.maps, after.content,
		       after.files, after.signals);
	printf("%s %s: %u refused, %u killed, %u went on%s%s\n", bad ? "not ok" : "ok", row->name,
	       t.refused, t.killed, t.went_on, bad ? ": " : "", bad ? bad : "");
}

/* All on one CPU: what is put off until later is over when the next row begins. */
static void stay_here(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	must(!sched_getaffinity(0, sizeof(one), &one), "sched_getaffinity");
	one_cpu = CPU_COUNT(&one) == 1;
	for (int i = 0, found = 0; i < CPU_SETSIZE; i++) {
		if (CPU_ISSET(i, &one) && found++)
			CPU_CLR(i, &one);
	}
	must(!sched_setaffinity(0, sizeof(one), &one), "sched_setaffinity");
}

/* The rows whose name begins with argv[1]; all. */
#define SWEEP(rows, argc, argv) sweep_all(rows, sizeof(rows) / sizeof((rows)[0]), argc, argv)

static int sweep_all(const struct row *rows, size_t n, int argc, char **argv)
{
	stay_here();
	told = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(told != MAP_FAILED, "mmap");
	setvbuf(stdout, NULL, _IOLBF, 0);
	fault_own_in();			/* so that no child's end leaves cached pages to be dropped */
	for (size_t i = 0; i < n; i++)
		if (argc < 2 || !strncmp(rows[i].name, argv[1], strlen(argv[1])))
			sweep(&rows[i]);
	return 0;
}

#endif
