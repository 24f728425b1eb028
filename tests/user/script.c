/* Scripts: execve of files that begin with #!, good lines and bad ones, and scripts by scripts. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ME	"/proc/self/exe"	/* the interpreter is this program */
#define DEEPEST	7

static void told(int argc, char **argv)
{
	char name[16];

	prctl(PR_GET_NAME, name);
	printf("  called %s, file %s:", name, (char *)getauxval(AT_EXECFN));
	for (int i = 0; i < argc; i++)
		printf(" '%s'", argv[i]);
	printf(", X=%s\n", getenv("X"));
}

/* A program file without a name, as fd `fd`. */
static void make(int fd, const char *text, size_t n)
{
	int made = memfd_create("script", 0);

	if (made < 0 || write(made, text, n) != (ssize_t)n)
		exit(99);
	if (made != fd) {
		dup2(made, fd);
		close(made);
	}
}

static void run(const char *path)
{
	char *args[] = { "zero", "one", "", "three", NULL }, *env[] = { "X=y", NULL };
	int status, pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		execve(path, args, env);
		printf("  execve: %s\n", strerror(errno));
		fflush(stdout);
		_exit(7);
	}
	waitpid(pid, &status, 0);
	printf("  status %#x\n", status);
}

static void try(const char *what, const char *text, size_t n)
{
	printf("%s\n", what);
	make(50, text, n);
	run("/proc/self/fd/50");
	close(50);
}

static void lines(void)
{
	static const char *const text[] = {
		"#!" ME "\n", "#!" ME " an argument with  blanks \t\n", "#! \t" ME "\ttab\n", "#!" ME,
		"#!" ME " no end", "#!\n", "#! \t \n" ME "\n", "#", "", "#!/none/at/all\n", "#!" ME "/x\n",
		"#!/\n", "#!" ME "\r\n", " #!" ME "\n", "echo no script\n", "#!proc/self/exe\n",
	};

	for (unsigned i = 0; i < sizeof(text) / sizeof(*text); i++)
		try(text[i], text[i], strlen(text[i]));
	try("a NUL in the line", "#!" ME " a\0b\n", 21);
}

/* Lines about as long as what counts of them. */
static void long_lines(void)
{
	char text[400];

	for (int n = 253; n < 260; n++) {
		memset(text, 'x', sizeof(text));
		memcpy(text, "#!" ME " ", 17);
		text[n] = '\n';
		printf("%d bytes\n", n + 1);
		try("an argument", text, n + 1);
		memset(text + 16, '/', n - 16);
		try("a path", text, n + 1);
		memset(text + 2, ' ', n - 2);
		memcpy(text + n - 14, ME, 14);
		try("blanks", text, n + 1);
	}
}

/* Each is run by the one before it. */
static void nested(void)
{
	char text[64], path[32];

	for (int i = 0; i < DEEPEST; i++) {
		if (i)
			snprintf(text, sizeof(text), "#!/proc/self/fd/%d by%d\n", 60 + i - 1, i);
		else
			strcpy(text, "#!" ME " first\n");
		make(60 + i, text, strlen(text));
		snprintf(path, sizeof(path), "/proc/self/fd/%d", 60 + i);
		printf("%d deep\n", i + 1);
		run(path);
	}
}

int main(int argc, char **argv)
{
	if (getenv("X")) {
		told(argc, argv);
		return 3;
	}
	if (chdir("/"))
		return 1;
	lines();
	long_lines();
	nested();
	return 0;
}
