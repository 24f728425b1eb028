/* fork and what the child sees; process_vm_readv and process_vm_writev; ends by signals; limits. */
#include "aspace.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

void say_end(long pid)
{
	int status = 0;
	long got = SYS(wait4, pid, &status, 0, 0);

	if (got != pid)
		say_result(got);
	else if (WIFEXITED(status))
		say(" exited %d", WEXITSTATUS(status));
	else if (WIFSIGNALED(status))
		say(" signal %d", WTERMSIG(status));
	else
		say(" status %#x", status);
}

static long fork_now(void)
{
	return chance(70) ? SYS(fork) : SYS(clone, 17 /* SIGCHLD */);
}

/* A child that takes some steps of its own; some of what it did is looked at afterwards. */
static void child_steps(int steps)
{
	char path[64], mine[64];
	long page;

	memcpy(mine, step_path, sizeof(mine));
	depth++;
	all_locked = false;
	for (int i = 1; i <= steps; i++) {
		if (snprintf(path, sizeof(path), "%s.%d", mine, i) >= (int)sizeof(path))
			break;
		step_run(path);
	}
	random_start(seed, mine);
	page = pick_page() & -32;
	say("%*s%s end", depth * 2, "", mine);
	hash_range(page, page + 32);
	end_line();
	_exit(steps);
}

static void op_fork(void)
{
	int steps = 1 + rnd(depth ? 4 : 10);
	long pid;

	say("fork, %d steps", steps);
	if (depth >= DEPTH) {
		say(" too deep");
		return;
	}
	end_line();
	pid = fork_now();
	if (pid == 0)
		child_steps(steps);
	say("%*s%s child", depth * 2, "", step_path);
	if (pid < 0)
		say_result(pid);
	else
		say_end(pid);
}

/* Two children at once that write the same words, since memory may be shared among them. */
static void op_siblings(void)
{
	long page = pick_page(), pids[2];
	uint32_t value = random_bits();

	say("siblings at %ld", page);
	for (int i = 0; i < 2; i++) {
		pids[i] = SYS(fork);
		if (pids[i] == 0) {
			for (int k = 0; k < 4; k++)
				try_fill(page_addr(page + k * 3), value);
			_exit(0);
		}
	}
	if (chance(50))
		try_fill(page_addr(page), value);
	for (int i = 0; i < 2; i++)
		if (pids[i] < 0)
			say_result(pids[i]);
		else
			say_end(pids[i]);
}

static void op_vfork(void)
{
	int code = rnd(100);
	pid_t pid = vfork();

	if (pid == 0)
		_exit(code);
	say("vfork");
	say_end(pid);
}

/* A child in the parent's own memory: what it maps, writes and protects is there afterwards. */
static void op_vfork_maps(void)
{
	uint64_t addr = page_addr(pick_page()), hash = 1;
	uint32_t value = random_bits();
	int prot = pick_prot();
	pid_t pid;

	if (!in_universe(addr + PAGE))
		addr -= PAGE;
	say("vfork, maps ");
	say_addr(addr);
	taint(addr, 2 * PAGE, false);
	pid = vfork();
	if (pid == 0) {
		SYS(mmap, addr, 2 * PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		try_fill(addr, value);
		try_fill(addr + PAGE, value + 1);
		SYS(mprotect, addr + PAGE, PAGE, prot);
		_exit(try_write(addr + PAGE, 1) ? 0 : last_fault.code);
	}
	say_end(pid);
	if (try_digest(addr, &hash) && try_digest(addr + PAGE, &hash))
		say(" %08x", (uint32_t)hash);
	else
		say_fault();
}

/* A child that dies of an access with the default action, or of one while the signal is blocked. */
static void op_killed(void)
{
	uint64_t addr = page_addr(pick_page());
	bool blocked = chance(50), write = chance(50);
	long pid;

	say("child %s ", write ? "writes" : "reads");
	say_addr(addr);
	pid = SYS(fork);
	if (pid == 0) {
		uint64_t mask = 1ul << 10 | 1ul << 6;		/* SIGSEGV, SIGBUS */

		if (blocked)
			SYS(rt_sigprocmask, 0, &mask, 0, 8);
		else
			fault_stop();
		if (write)
			*(volatile uint8_t *)addr = 1;
		else
			(void)*(volatile uint8_t *)addr;
		_exit(0);
	}
	if (pid < 0)
		say_result(pid);
	else
		say_end(pid);
}

/* ---- another process's memory ---- */

static struct range pick_bytes(void)
{
	struct range r = pick_pages();

	if (r.len > 8 * PAGE)
		r.len = (1 + rnd(8)) * PAGE;
	if (chance(60)) {
		r.addr += rnd(PAGE);
		r.len = 1 + rnd(r.len);
	}
	return r;
}

static char buffer[16 * PAGE];

static void pick_part(struct iovec *part)
{
	struct range r = pick_bytes();

	*part = (struct iovec){ (void *)r.addr, r.len };
	say(", ");
	say_addr(r.addr);
	say(" %#lx", (unsigned long)r.len);
}

/* New memory that is nobody else's, beside the n parts. */
static bool pick_beside(struct iovec *local, const struct iovec *parts, int n)
{
	struct range r = pick_pages();
	uint64_t len = r.len > 8 * PAGE ? 8 * PAGE : r.len;

	for (int i = 0; i < n; i++) {
		uint64_t at = (uint64_t)parts[i].iov_base;

		if (at < r.addr + len && r.addr < at + parts[i].iov_len)
			return false;
	}
	SYS(mmap, r.addr, len, pick_prot(), MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	taint(r.addr, len, false);
	*local = (struct iovec){ (void *)(r.addr + rnd(PAGE)), len - PAGE + 1 };
	say("; new here ");
	say_addr((uint64_t)local->iov_base);
	say(" %#lx", (unsigned long)local->iov_len);
	return true;
}

/*
 * One side is in the universe, the other in the buffer or in new memory: what a copy between
 * places that overlap gives (by two addresses of one page, too) nobody promises.
 */
static void transfer(long pid, const char *who)
{
	struct iovec local = { buffer, sizeof(buffer) }, remote[2];
	bool in = chance(50), here = chance(20);
	int n = here ? 1 : 1 + rnd(2), flags = chance(3);
	uint64_t total = 0;
	long result;

	memset(buffer, rnd(256), sizeof(buffer));
	say("process_vm_%s(%s", in ? "readv" : "writev", who);
	for (int i = 0; i < n; i++) {
		pick_part(&remote[i]);
		total += remote[i].iov_len;
	}
	local.iov_len = total;
	if (here) {
		local = remote[0];
		remote[0].iov_base = buffer;
		say(" here");
	} else if (chance(20)) {
		pick_beside(&local, remote, n);
	}
	say(")");
	result = in ? SYS(process_vm_readv, pid, &local, 1, remote, n, flags)
		    : SYS(process_vm_writev, pid, &local, 1, remote, n, flags);
	say_result(result);
	say(" %08x", (uint32_t)mix(1, buffer, sizeof(buffer)));
}

static void op_own_memory(void)
{
	transfer(chance(3) ? 0x3ffffff : getpid(), "self");
}

static void op_child_memory(void)
{
	int ends[2];
	long pid;
	char byte;

	if (SYS(pipe2, ends, 0) < 0) {
		say("no pipe");
		return;
	}
	pid = SYS(fork);
	if (pid == 0) {
		SYS(close, ends[1]);
		SYS(read, ends[0], &byte, 1);
		say("%*s%s child has", depth * 2, "", step_path);
		hash_range(640, 672);
		end_line();
		_exit(0);
	}
	SYS(close, ends[0]);
	for (int i = 0; i < 3 && pid > 0; i++) {
		if (i)
			say("; ");
		transfer(pid, "child");
	}
	end_line();
	SYS(close, ends[1]);
	say("%*s%s child", depth * 2, "", step_path);
	say_end(pid);
}

/* ---- /proc/self/status ---- */

static const char *const figures[] = { "VmSize", "VmLck", "VmData", "VmStk" };
#define FIGURES	(sizeof(figures) / sizeof(figures[0]))

static long began[FIGURES];
bool all_locked;

static bool status_read(long *value)
{
	static char text[8192];
	int fd = SYS(open, "/proc/self/status", O_RDONLY);
	long n = fd < 0 ? 0 : SYS(read, fd, text, sizeof(text) - 1);

	SYS(close, fd);
	text[n > 0 ? n : 0] = 0;
	for (size_t i = 0; i < FIGURES; i++) {
		const char *at = strstr(text, figures[i]);

		if (!at || sscanf(at + strlen(figures[i]), ": %ld kB", &value[i]) != 1)
			return false;
	}
	return true;
}

void status_start(void)
{
	if (!status_read(began))
		say(", no status");
}

/*
 * A child that may have so much more than it has. Of stacks: none grows any more, or all do;
 * what one mapping spans depends on which neighbours are joined, and after a fork Linux joins
 * fewer.
 */
static void set_limit(int resource, long more)
{
	long value[FIGURES] = { 0 };
	struct rlimit limit = { 0, RLIM_INFINITY };

	if (!status_read(value))
		say("no status ");
	limit.rlim_cur = resource == RLIMIT_AS ? value[0] << 10 : value[2] << 10;
	limit.rlim_cur += more;
	if (resource == RLIMIT_STACK)
		limit.rlim_cur = more < 20 * (long)PAGE ? 0 : 1 << 30;
	if (SYS(setrlimit, resource, &limit))
		say("no limit ");
}

static void op_limited(void)
{
	static const struct { int resource; const char *name; } limits[] = {
		{ RLIMIT_AS, "AS" }, { RLIMIT_DATA, "DATA" }, { RLIMIT_STACK, "STACK" },
	};
	int which = rnd(3), steps = 4 + rnd(8);
	long more = rnd(40) * PAGE + (chance(20) ? rnd(PAGE) : 0), pid;

	say("fork, limit %s %+ld, %d steps", limits[which].name, more, steps);
	if (depth >= DEPTH) {
		say(" too deep");
		return;
	}
	end_line();
	pid = fork_now();
	if (pid == 0) {
		set_limit(limits[which].resource, more);
		child_steps(steps);
	}
	say("%*s%s child", depth * 2, "", step_path);
	if (pid < 0)
		say_result(pid);
	else
		say_end(pid);
}

/* How much more there is than at first. */
static void op_status(void)
{
	long value[FIGURES];

	say("status");
	if (!status_read(value)) {
		say(" = none");
		return;
	}
	for (size_t i = 0; i < FIGURES; i++)
		if (i != 1 || !all_locked)
			say(", %s %+ldp", figures[i], (value[i] - began[i]) / 4);
}

const struct op process_ops[] = {
	{ "fork", "fork", 25, op_fork },
	{ "siblings", "fork", 5, op_siblings },
	{ "vfork", "vfork", 3, op_vfork },
	{ "vforkmaps", "vfork", 5, op_vfork_maps },
	{ "killed", "killed", 6, op_killed },
	{ "self", "vmself", 15, op_own_memory },
	{ "child", "vmchild", 10, op_child_memory },
	{ "maps", "maps", 12, op_maps },
	{ "status", "status", 15, op_status },
	{ "limited", "limits", 10, op_limited },
	{ 0 },
};
