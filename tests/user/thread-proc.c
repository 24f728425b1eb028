/* flags: -pthread */
/* Threads in /proc: their directories, names and states; /proc/thread-self; how many there are. */
#define _GNU_SOURCE
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS	5

static int tids[THREADS];
static pthread_barrier_t begun, over;

static void line_of(const char *path, const char *key, char *out, size_t n)
{
	FILE *f = fopen(path, "r");
	char line[256];

	snprintf(out, n, "none");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			snprintf(out, n, "%.*s", (int)strcspn(line + strlen(key) + 1, "\n"),
				 line + strlen(key) + 1);
	if (f)
		fclose(f);
}

static void *thread(void *arg)
{
	long me = (long)arg;
	char name[16], self[64] = "", want[64];

	tids[me] = (int)syscall(SYS_gettid);
	snprintf(name, sizeof(name), "number %ld", me);
	pthread_setname_np(pthread_self(), name);
	if (readlink("/proc/thread-self", self, sizeof(self) - 1) < 0)
		perror("thread-self");
	snprintf(want, sizeof(want), "%d/task/%d", getpid(), tids[me]);
	if (strcmp(self, want))
		printf("thread-self is %s, not %s\n", self, want);
	pthread_barrier_wait(&begun);
	pthread_barrier_wait(&over);
	return NULL;
}

static void look(int i)
{
	char path[64], name[64], tgid[64], pid[64], count[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", tids[i]);
	line_of(path, "Name:", name, sizeof(name));
	line_of(path, "Tgid:", tgid, sizeof(tgid));
	line_of(path, "Pid:", pid, sizeof(pid));
	line_of(path, "Threads:", count, sizeof(count));
	printf("%s, of this process %d, its number %d, threads %s\n", name, atoi(tgid) == getpid(),
	       atoi(pid) == tids[i], count);
}

/* How many directories there are, and how many of them are threads of ours. */
static void list(void)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	int all = 0, ours = 0, first = 0;

	while (d && (e = readdir(d))) {
		int tid = atoi(e->d_name);

		if (!tid)
			continue;
		all++;
		first += tid == getpid();
		for (int i = 0; i < THREADS; i++)
			ours += tid == tids[i];
	}
	if (d)
		closedir(d);
	printf("%d listed, the first %d, others %d\n", all, first, ours);
}

int main(void)
{
	pthread_t t[THREADS];
	char path[64];

	pthread_barrier_init(&begun, NULL, THREADS + 1);
	pthread_barrier_init(&over, NULL, THREADS + 1);
	for (long i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, thread, (void *)i);
	pthread_barrier_wait(&begun);
	list();
	for (int i = 0; i < THREADS; i++)
		look(i);
	printf("task/1 is %s\n", access("/proc/self/task/1", F_OK) ? "not there" : "there");
	pthread_barrier_wait(&over);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < THREADS; i++) {
		snprintf(path, sizeof(path), "/proc/self/task/%d", tids[i]);
		while (!access(path, F_OK))	/* joined a little before its end */
			usleep(1000);
	}
	list();
	return 0;
}
