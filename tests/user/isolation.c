/*
 * Two processes hold different words at one address, in different frames by
 * pagemap, and share the frame of their program's text; each keeps its word.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile uint64_t word = 1;

static uint64_t frame_of(const volatile void *p)
{
	uint64_t entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY);

	if (fd < 0 || pread(fd, &entry, 8, (off_t)((uintptr_t)p / 4096 * 8)) != 8)
		return 0;
	close(fd);
	return entry >> 63 ? entry & ((1ull << 55) - 1) : 0;
}

struct told { uint64_t value, data, text; };

static struct told tell(void)
{
	return (struct told){ word, frame_of(&word), frame_of((void *)(uintptr_t)tell) };
}

int main(void)
{
	int there[2], back[2], status;
	struct told mine, theirs;
	char go = 0;

	if (pipe(there) || pipe(back))
		return 1;
	word = 2;
	if (fork() == 0) {
		struct told t;

		word = 3;
		t = tell();
		if (write(there[1], &t, sizeof(t)) != sizeof(t) || read(back[0], &go, 1) != 1)
			_exit(1);
		/* The parent has written since. */
		_exit(word == 3 ? 7 : 1);
	}
	if (read(there[0], &theirs, sizeof(theirs)) != sizeof(theirs))
		return 1;
	mine = tell();
	printf("parent %lu, child %lu\n", mine.value, theirs.value);
	printf("frames known: %d\n", mine.data && theirs.data && mine.text && theirs.text);
	printf("data in different frames: %d\n", mine.data != theirs.data);
	printf("text in the same frame: %d\n", mine.text == theirs.text);
	word = 4;
	if (write(back[1], &go, 1) != 1)
		return 1;
	wait(&status);
	printf("child kept its word: %d, parent %lu\n", WEXITSTATUS(status) == 7, word);
	return 0;
}
