/*
 * A listing while names come and go: those that are there all the time are shown once each, however
 * small the buffer; one goes on where it stood, and back to a place that it was told.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>

#include "place.h"

#define STAY	300

static int seen[STAY], others;

static void count(const char *buf, long n)
{
	for (long at = 0; at < n;) {
		const struct dirent *e = (const void *)(buf + at);

		if (e->d_name[0] == 's')
			seen[atoi(e->d_name + 1)]++;
		else if (e->d_name[0] != '.')
			others++;
		at += e->d_reclen;
	}
}

static void touch(char kind, int i)
{
	char name[16];

	snprintf(name, sizeof(name), "%c%d", kind, i);
	close(creat(name, 0666));
}

static void drop(char kind, int i)
{
	char name[16];

	snprintf(name, sizeof(name), "%c%d", kind, i);
	unlink(name);
}

static void report(const char *what)
{
	int missed = 0, twice = 0;

	for (int i = 0; i < STAY; i++) {
		missed += !seen[i];
		twice += seen[i] > 1;
		seen[i] = 0;
	}
	printf("%s: %d missed, %d shown twice\n", what, missed, twice);
}

static void while_changing(int fd, size_t size)
{
	char buf[4096];
	int step = 0;
	long n;

	lseek(fd, 0, SEEK_SET);
	while ((n = getdents(fd, (void *)buf, size)) > 0) {
		count(buf, n);
		touch('n', step);		/* one comes, another goes */
		drop(step % 2 ? 'g' : 'n', step / 2);
		step++;
	}
	report("while names come and go");
}

static void back(int fd)
{
	char first[512], again[512];
	long n, m, place;

	lseek(fd, 0, SEEK_SET);
	getdents(fd, (void *)first, sizeof(first));
	place = lseek(fd, 0, SEEK_CUR);
	n = getdents(fd, (void *)first, sizeof(first));
	drop('g', STAY / 2);
	lseek(fd, place, SEEK_SET);
	m = getdents(fd, (void *)again, sizeof(again));
	printf("the same from a place on: %d\n", n == m && !memcmp(first, again, n));
}

int main(void)
{
	char buf[64];
	int fd;

	place_enter();
	for (int i = 0; i < STAY; i++) {
		touch('s', i);
		touch('g', i);
	}
	fd = open(".", O_RDONLY);
	while_changing(fd, 300);
	while_changing(fd, 4096);
	back(fd);
	lseek(fd, 0, SEEK_SET);
	call_show("no room for a name", getdents(fd, (void *)buf, 10));
	call_show("nowhere to put it", getdents(fd, NULL, 4096));
	call_show("of a file", getdents(open("s1", O_RDONLY), (void *)buf, sizeof(buf)));
	place_leave();
	return 0;
}
