/* timer_create(2): who is sent what, overruns, each clock, errors; gone in a child and after exec. */
#define _GNU_SOURCE
#include "call.h"
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

#define MS	1000000l

static sigset_t set;

static int create(int clock, int notify, int sig, long value)
{
	struct sigevent e = { .sigev_notify = notify, .sigev_signo = sig, .sigev_value.sival_ptr = (void *)value };
	int id = -1;

	if (notify & SIGEV_THREAD_ID)
		e.sigev_notify_thread_id = syscall(SYS_gettid);
	if (syscall(SYS_timer_create, clock, &e, &id))
		printf("create: %s\n", strerror(errno));
	return id;
}

static void arm(int id, long ns, long every, int flags)
{
	struct itimerspec v = { { every / 1000000000, every % 1000000000 }, { ns / 1000000000, ns % 1000000000 } };

	if (syscall(SYS_timer_settime, id, flags, &v, NULL))
		printf("settime: %s\n", strerror(errno));
}

/* The next signal of the set, at most a second away. */
static void show_next(const char *what)
{
	struct timespec second = { 5, 0 };
	siginfo_t i;
	int sig = sigtimedwait(&set, &i, &second);

	if (sig < 0)
		printf("%s: %s\n", what, strerror(errno));
	else
		printf("%s: signal %d, code %d, value %ld, overrun %d\n", what, sig, i.si_code,
		       (long)i.si_value.sival_ptr, i.si_overrun);
}

static void clocks(void)
{
	static const int all[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI };
	struct timespec now;

	for (unsigned i = 0; i < 4; i++) {
		int id = create(all[i], SIGEV_SIGNAL, SIGUSR1, 100 + i);

		arm(id, 2 * MS, 0, 0);
		show_next("relative");
		clock_gettime(all[i], &now);
		arm(id, now.tv_sec * 1000000000 + now.tv_nsec + 2 * MS, 0, TIMER_ABSTIME);
		show_next("absolute");
		arm(id, 1, 0, TIMER_ABSTIME);
		show_next("long ago");
		call_show("delete", syscall(SYS_timer_delete, id));
	}
}

static void burn(int clock)
{
	int id = create(clock, SIGEV_SIGNAL, SIGUSR2, 7);
	struct timespec second = { 0, 0 }, from, now;
	siginfo_t i;
	long ms;

	clock_gettime(clock, &from);
	arm(id, 30 * MS, 0, 0);
	while (sigtimedwait(&set, &i, &second) < 0)
		;
	clock_gettime(clock, &now);
	ms = (now.tv_sec - from.tv_sec) * 1000 + (now.tv_nsec - from.tv_nsec) / MS;
	printf("CPU time: signal %d, value %ld, in time %d\n", i.si_signo, (long)i.si_value.sival_ptr,
	       ms >= 20 && ms < 500);
	call_show("delete", syscall(SYS_timer_delete, id));
}

static void overruns(void)
{
	struct timespec rest = { 0, 60 * MS };
	int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN, 9), n;
	siginfo_t i;

	arm(id, MS, MS, 0);
	nanosleep(&rest, NULL);
	n = sigwaitinfo(&set, &i);
	printf("overruns %d, the same %d, %d\n", i.si_overrun >= 40 && i.si_overrun < 5000,
	       syscall(SYS_timer_getoverrun, id) == i.si_overrun, n == SIGRTMIN);
	arm(id, 0, MS, 0);
	call_show("overruns of one that is off", syscall(SYS_timer_getoverrun, id));
	call_show("delete", syscall(SYS_timer_delete, id));
	while (sigtimedwait(&set, NULL, &(struct timespec){ 0, 0 }) > 0)
		;
}

/* Nobody can pass the two: each has its own signal, though it is a standard one. */
static void two_of_one_signal(void)
{
	int a = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 1), b = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 2);
	struct timespec rest = { 0, 30 * MS };

	arm(a, MS, 0, 0);
	arm(b, 4 * MS, 0, 0);
	nanosleep(&rest, NULL);
	raise(SIGUSR1);
	show_next("first");
	show_next("second");
	arm(a, 1, 0, 0);
	nanosleep(&rest, NULL);
	arm(a, 1, 0, 0);
	nanosleep(&rest, NULL);
	show_next("once");
	call_show("no more", sigtimedwait(&set, NULL, &(struct timespec){ 0, 0 }));
	syscall(SYS_timer_delete, a);
	syscall(SYS_timer_delete, b);
}

static void told(const char *what, int id)
{
	struct itimerspec now;
	long r = syscall(SYS_timer_gettime, id, &now);
	long ns = now.it_value.tv_sec * 1000000000 + now.it_value.tv_nsec;

	if (r)
		printf("%s: %s\n", what, strerror(errno));
	else
		printf("%s: left %s, every %ld\n", what, !ns ? "nothing" : ns <= 10 * MS ? "up to 10 ms" :
		       ns <= 1000 * MS ? "up to a second" : "more", now.it_interval.tv_nsec / MS);
}

static void settings(void)
{
	struct timespec rest = { 0, 25 * MS };
	struct itimerspec old, v = { { 0, 0 }, { 0, 500 * MS } };
	int id = create(CLOCK_MONOTONIC, SIGEV_NONE, 999, 0);

	told("fresh", id);
	arm(id, 900 * MS, 5 * MS, 0);
	told("set", id);
	call_show("set again", syscall(SYS_timer_settime, id, 0, &v, &old));
	printf("it was %d ms\n", (int)(old.it_interval.tv_nsec / MS));
	arm(id, MS, 10 * MS, 0);
	nanosleep(&rest, NULL);
	told("goes on in silence", id);
	arm(id, MS, 0, 0);
	nanosleep(&rest, NULL);
	told("over", id);
	arm(id, 0, 10 * MS, 0);
	told("off", id);
	call_show("delete", syscall(SYS_timer_delete, id));
	told("deleted", id);
}

static void threads(void)
{
	struct sigevent e = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1 };
	int id = create(CLOCK_MONOTONIC, SIGEV_THREAD_ID, SIGUSR2, 4);

	arm(id, MS, 0, 0);
	show_next("to the thread");
	syscall(SYS_timer_delete, id);
	e.sigev_notify_thread_id = 1;
	call_show("to another's thread", syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &id));
	e.sigev_notify_thread_id = 0;
	call_show("to nobody", syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &id));
}

static void errors(void)
{
	struct sigevent e = { .sigev_signo = 65 };
	struct itimerspec v = { { 0, 0 }, { 0, 1000000000 } };
	int id = create(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0);

	CALL(timer_create, 99, NULL, &v);
	CALL(timer_create, CLOCK_MONOTONIC_RAW, NULL, &v);
	CALL(timer_create, CLOCK_MONOTONIC_COARSE, NULL, &v);
	CALL(timer_create, CLOCK_MONOTONIC, NULL, 8);
	CALL(timer_create, CLOCK_MONOTONIC, 8, &v);
	CALL(timer_create, CLOCK_MONOTONIC, &e, &v);
	e.sigev_signo = 0;
	CALL(timer_create, CLOCK_MONOTONIC, &e, &v);
	e.sigev_notify = 17;
	CALL(timer_create, CLOCK_MONOTONIC, &e, &v);
	CALL(timer_settime, id, 0, NULL, NULL);
	CALL(timer_settime, id, 0, 8, NULL);
	CALL(timer_settime, id, 0, &v, NULL);
	CALL(timer_settime, 12345, 0, &v, NULL);
	v.it_value.tv_nsec = 5;
	CALL(timer_settime, 12345, 0, &v, NULL);
	CALL(timer_gettime, id, 8);
	CALL(timer_gettime, -1, &v);
	CALL(timer_getoverrun, 12345);
	CALL(timer_delete, 12345);
	syscall(SYS_timer_delete, id);
}

static volatile sig_atomic_t rung;
static void on_alarm(int sig, siginfo_t *i, void *ctx)
{
	(void)ctx;
	rung = sig == SIGALRM && i->si_code == SI_TIMER;
}

static void defaults(void)
{
	struct sigaction a = { .sa_sigaction = on_alarm, .sa_flags = SA_SIGINFO };
	int id;

	sigaction(SIGALRM, &a, NULL);
	CALL(timer_create, CLOCK_MONOTONIC, NULL, &id);
	arm(id, MS, 0, 0);
	pause();
	printf("SIGALRM by default %d\n", rung);
	syscall(SYS_timer_delete, id);
	signal(SIGUSR1, SIG_IGN);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 0);
	arm(id, 1, 1, 0);
	usleep(20000);
	told("ignored", id);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGUSR1, SIG_DFL);
	syscall(SYS_timer_delete, id);
}

static void end_of_all(void)
{
	int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 0), status;
	char number[16];
	pid_t pid;

	fflush(stdout);
	arm(id, MS, MS, 0);
	usleep(5000);			/* its signal is pending */
	pid = fork();
	if (!pid) {
		told("in a child", id);
		exit(0);
	}
	waitpid(pid, &status, 0);
	fflush(stdout);
	snprintf(number, sizeof(number), "%d", id);
	execl("/proc/self/exe", "timer_create", number, NULL);
}

int main(int argc, char **argv)
{
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (argc > 1) {
		told("after exec", atoi(argv[1]));
		call_show("pending", sigtimedwait(&set, NULL, &(struct timespec){ 0, 0 }));
		return 0;
	}
	clocks();
	burn(CLOCK_PROCESS_CPUTIME_ID);
	burn(CLOCK_THREAD_CPUTIME_ID);
	overruns();
	two_of_one_signal();
	settings();
	threads();
	errors();
	defaults();
	end_of_all();
	return 1;
}
