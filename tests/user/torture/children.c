/* Children, which check what they were born with. */
#include "torture.h"

#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int child_depth;
static char self[] = "/proc/self/exe";

void wait_for(struct me *m, pid_t pid, int want)
{
	int status;
	pid_t got;

	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	must(m, got == pid);
	if (status != want)
		wrong(m, "child %d ended with %x instead of %x", pid, status, want);
	atomic_fetch_add(&common->children, 1);
}

void be_another(int status)
{
	char number[16];
	char *argv[] = { self, number, NULL }, *env[] = { NULL };

	snprintf(number, sizeof(number), "%d", status);
	execve(self, argv, env);
	wrong(NULL, "execve: %s", strerror(errno));
}

static void child_checks(struct me *m)
{
	for (unsigned i = 0; i < PLACES; i++)
		if (!m->place[i].shared)
			place_check(m, &m->place[i]);
}

/* What a child does with its copy; ends. */
static void child(struct me *m, int way)
{
	child_depth++;
	if (!m->arena_shared)
		watch(m, arena_start(m), "fork");
	child_checks(m);
	for (unsigned i = 0; i < PLACES; i++)
		if (!m->place[i].shared)
			place_use(m, &m->place[i]);
	if (child_depth < 3 && chance(m, 3) == 0)
		fork_one(m);
	if (chance(m, 2))
		for (unsigned i = 0; i < PLACES; i++)
			if (!m->place[i].shared && chance(m, 2))
				(chance(m, 2) ? place_move : place_protect)(m, &m->place[i]);
	child_checks(m);
	if (way == 1)
		be_another(5);
	if (way == 2)
		kill(getpid(), SIGKILL);
	_exit(5);
}

void fork_one(struct me *m)
{
	static const int want[] = { 5 << 8, 5 << 8, SIGKILL };
	int way = (int)chance(m, 3);
	pid_t pid = (pid_t)syscall(SYS_fork);

	must(m, pid >= 0 || errno == EAGAIN || errno == ENOMEM);
	if (pid < 0)
		return;
	if (!pid)
		child(m, way);
	if (chance(m, 2))
		for (unsigned i = 0; i < PLACES; i++)
			if (!child_depth || !m->place[i].shared)
				place_use(m, &m->place[i]);
	wait_for(m, pid, want[way]);
	child_checks(m);
}

void vfork_one(struct me *m)
{
	static char *const env[] = { NULL };
	char *const argv[] = { self, (char []){ "6" }, NULL };
	pid_t pid = vfork();

	if (!pid) {
		execve(self, argv, env);
		_exit(98);
	}
	must(m, pid >= 0 || errno == EAGAIN || errno == ENOMEM);
	if (pid > 0)
		wait_for(m, pid, 6 << 8);
}
