/* A process whose parent ends gets another one and lives on. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Grandchildren tell the first process by a pipe. */
static void generation(int n)
{
	int p[2], ready[2], status, before = 0, after = 0, words = 0;
	char word[2];

	if (pipe(p) || pipe(ready))
		exit(1);
	if (!fork()) {
		for (int i = 0; i < n; i++) {
			pid_t parent = getpid();

			if (fork())
				continue;
			word[0] = getppid() == parent;
			(void)!write(ready[1], "r", 1);
			while (getppid() == parent)	/* until it ends */
				usleep(1000);
			word[1] = getppid() != parent;
			_exit(write(p[1], word, 2) != 2);
		}
		for (int i = 0; i < n; i++)
			(void)!read(ready[0], word, 1);
		_exit(9);
	}
	close(p[1]);
	wait(&status);
	while (read(p[0], word, 2) == 2) {
		before += word[0];
		after += word[1];
		words++;
	}
	close(p[0]);
	close(ready[0]);
	close(ready[1]);
	printf("%d orphans: %d told, parent before %d, another after %d, status %x, "
	       "none of them ours %d\n",
	       n, words, before, after, status, wait(NULL) < 0);
}

/* One that is dead already when its parent ends. */
static void dead_ones(void)
{
	int status;

	if (!fork()) {
		for (int i = 0; i < 50; i++)
			if (!fork())
				_exit(1);
		usleep(20000);
		_exit(3);
	}
	wait(&status);
	printf("dead ones: status %x, none left %d\n", status, wait(NULL) < 0);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	generation(1);
	generation(30);
	dead_ones();
	return 5;
}
