/* /proc/PID/oom_score_adj: what it takes, and that children and new programs have it, too; oom_score. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int get(const char *name)
{
	char path[64];
	int v = -9999;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/%s", name);
	f = fopen(path, "r");
	if (f) {
		if (fscanf(f, "%d", &v) != 1)
			v = -9998;
		fclose(f);
	}
	return v;
}

static void set(const char *v)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);
	ssize_t r = write(fd, v, strlen(v));
	int err = errno;

	close(fd);
	if (r < 0)
		printf("\"%s\": %s", v, strerror(err));
	else
		printf("\"%s\": %zd", v, r);
	printf(", now %d\n", get("oom_score_adj"));
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		printf("%s: %d\n", argv[1], get("oom_score_adj"));
		return 0;
	}
	set("500");
	set("1000");
	printf("score in range: %d\n", get("oom_score") >= 1300 && get("oom_score") <= 1334);
	set("1001");
	set("-1001");
	set("x");
	set("5x");
	set("600\n");
	set(" 700");
	fflush(stdout);
	if (!fork()) {
		printf("child: %d\n", get("oom_score_adj"));
		set("800");
		fflush(stdout);
		execl("/proc/self/exe", argv[0], "new program", NULL);
		_exit(1);
	}
	wait(NULL);
	printf("parent: %d\n", get("oom_score_adj"));
	return 0;
}
