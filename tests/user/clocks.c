/* Clocks go forward, sleeps last at least as long as asked, wrong arguments are told. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

static int64_t now(clockid_t c)
{
	struct timespec t;

	return syscall(SYS_clock_gettime, c, &t) ? -1 : t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void show(const char *what, long r)
{
	printf("%s: %s\n", what, r < 0 ? strerror(errno) : "ok");
}

int main(void)
{
	static const clockid_t clocks[] = {
		CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID,
		CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_TAI,
	};
	struct timespec t = { 0, 20000000 }, bad[] = { { 0, 1000000000 }, { 0, -1 }, { -1, 0 } };
	struct timeval tv;
	int64_t before, last;
	struct tms tms;

	for (unsigned i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		int back = 0;

		last = now(clocks[i]);
		for (int k = 0; k < 10000; k++) {
			int64_t n = now(clocks[i]);

			back += n < last;
			last = n;
		}
		printf("clock %d: there %d, went back %d\n", clocks[i], last >= 0, back);
	}
	before = now(CLOCK_MONOTONIC);
	show("nanosleep", nanosleep(&t, NULL));
	printf("20 ms or more: %d\n", now(CLOCK_MONOTONIC) - before >= 20000000);
	before = now(CLOCK_MONOTONIC) + 10000000;
	t = (struct timespec){ before / 1000000000, before % 1000000000 };
	show("until", -clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL));
	printf("not before: %d\n", now(CLOCK_MONOTONIC) >= before);
	t = (struct timespec){ 1, 0 };
	show("until long ago", -clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL));
	gettimeofday(&tv, NULL);
	printf("time, gettimeofday, clock_gettime agree: %d\n",
	       labs(time(NULL) - tv.tv_sec) <= 1 &&
	       llabs(now(CLOCK_REALTIME) / 1000000000 - tv.tv_sec) <= 1);
	printf("after 2020: %d\n", tv.tv_sec > 1577836800);
	printf("times: %d\n", times(&tms) != (clock_t)-1);
	for (int i = 0; i < 3; i++)
		show("bad time", syscall(SYS_nanosleep, &bad[i], NULL));
	show("bad pointer", syscall(SYS_nanosleep, (void *)8, NULL));
	show("bad pointer", syscall(SYS_clock_gettime, CLOCK_MONOTONIC, (void *)8));
	show("bad clock", syscall(SYS_clock_gettime, 77, &t));
	show("bad clock", syscall(SYS_clock_getres, 77, &t));
	show("bad clock", syscall(SYS_clock_nanosleep, 77, 0, &t, NULL));
	show("resolution", syscall(SYS_clock_getres, CLOCK_MONOTONIC, &t));
	printf("%ld s %ld ns\n", (long)t.tv_sec, t.tv_nsec);
	show("resolution, no place", syscall(SYS_clock_getres, CLOCK_MONOTONIC, NULL));
	return 0;
}
