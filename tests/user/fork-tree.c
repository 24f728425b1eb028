/* Many processes: a chain of ten, a hundred children at once, a tree of 2^6 leaves. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char big[256 << 10];

/* Each adds one to what the next one down returns. */
static int chain(int depth)
{
	int status;

	if (!depth)
		return 0;
	big[depth * 4096] = (char)depth;
	if (!fork())
		_exit(chain(depth - 1));
	if (wait(&status) < 0 || !WIFEXITED(status) || big[depth * 4096] != depth)
		return 100;
	return WEXITSTATUS(status) + 1;
}

static int tree(int depth)
{
	int sum = 0, status;

	if (!depth)
		return 1;
	for (int i = 0; i < 2; i++)
		if (!fork())
			_exit(tree(depth - 1));
	for (int i = 0; i < 2; i++)
		if (wait(&status) > 0)
			sum += WEXITSTATUS(status);
	return sum;
}

static void hundred(void)
{
	static pid_t pid[100];
	int status, sum = 0, twice = 0;

	memset(big, 1, sizeof(big));
	for (int i = 0; i < 100; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			memset(big, i, sizeof(big));
			_exit(big[1000] == i && big[200000] == i ? i : 255);
		}
	}
	for (int i = 0; i < 100; i++)
		for (int j = 0; j < i; j++)
			twice += pid[i] == pid[j];
	for (int i = 99; i >= 0; i--)		/* not in the order of their ends */
		if (waitpid(pid[i], &status, 0) == pid[i] && WIFEXITED(status) &&
		    WEXITSTATUS(status) == i)
			sum++;
	printf("hundred: %d ended right, %d numbers twice, then %s, memory %d\n", sum, twice,
	       waitpid(pid[0], &status, 0) < 0 ? strerror(errno) : "more", big[77777]);
}

/* Out of order: of three, each found by its number, by -1, by WNOHANG. */
static void thousand(void)
{
	int good = 0, status;

	for (int i = 0; i < 1000; i++) {
		if (!fork())
			_exit(i & 127);
		good += wait(&status) > 0 && WEXITSTATUS(status) == (i & 127);
	}
	printf("one after another: %d\n", good);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	printf("chain: %d\n", chain(10));
	hundred();
	printf("tree: %d\n", tree(6));
	thousand();
	return 0;
}
