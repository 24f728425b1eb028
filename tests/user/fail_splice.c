/* oracle: none */
/* mem: 96M */
/*
 * splice and its kin without memory: each with its 1st, 2nd, 3rd … allocation failing (see fail.h). What an act has
 * put into a pipe or a file it takes out again, so that each try finds them as the first one did.
 */
#include "fail_memory.h"
#include <sys/sendfile.h>
#include <sys/uio.h>

static int a[2], b[2], to;
static char text[4 * PAGE];

static void prepare(void)
{
	make_mem_fd(16, 8);
	to = memfd_create("to", 0);
	need(to >= 0 && !pipe(a) && !pipe(b));
}

static void filled(void)
{
	prepare();
	need(write(a[1], text, sizeof(text)) == (ssize_t)sizeof(text));
}

/* n bytes are in that pipe, and go. */
static long taken(ssize_t n, int fd)
{
	return n < 0 ? -1 : read(fd, text, (size_t)n) == n && n ? 0 : (errno = EIO, -1);
}

/* Of a file that was written: empty again. */
static long emptied(ssize_t n)
{
	int err = errno;

	UNTIL(ftruncate(to, 0));
	return keep_errno(n < 0 ? -1 : 0, err);
}

static long file_to_pipe(void) { return taken(splice(mem_fd, &(loff_t){ 100 }, a[1], NULL, sizeof(text), 0), a[0]); }
static long hole_to_pipe(void) { return taken(splice(mem_fd, &(loff_t){ 9 * PAGE }, a[1], NULL, sizeof(text), 0), a[0]); }
static long pipe_to_pipe(void) { return taken(splice(a[0], NULL, b[1], NULL, sizeof(text), 0), b[0]); }
static long pipe_twice(void) { return taken(tee(a[0], b[1], 3 * PAGE + 5, 0), b[0]); }
static long pipe_to_file(void) { return emptied(splice(a[0], NULL, to, &(loff_t){ 5 }, sizeof(text), 0)); }
static long file_to_file(void) { return emptied(copy_file_range(mem_fd, &(loff_t){ 9 }, to, &(loff_t){ 5 }, 3 * PAGE, 0)); }
static long sent(void) { return emptied(sendfile(to, mem_fd, &(off_t){ 9 }, 3 * PAGE)); }
static long own_to_pipe(void) { return taken(vmsplice(a[1], &(struct iovec){ text, sizeof(text) }, 1, 0), a[0]); }

static long own_to_pipe_in_pieces(void)
{
	struct iovec v[12];

	for (int i = 0; i < 12; i++)
		v[i] = (struct iovec){ text + i, 1 };
	return taken(vmsplice(a[1], v, 12, 0), a[0]);
}

static const struct row rows[] = {
	{ "splice, file to pipe", prepare, file_to_pipe, 0, 0 },
	{ "splice, hole to pipe", prepare, hole_to_pipe, 0, 0 },
	{ "splice, pipe to pipe", filled, pipe_to_pipe, 0, 0 },
	{ "splice, pipe to file", filled, pipe_to_file, 0, 0 },
	{ "tee", filled, pipe_twice, 0, 0 },
	{ "vmsplice", prepare, own_to_pipe, 0, 0 },
	{ "vmsplice in pieces", prepare, own_to_pipe_in_pieces, 0, 0 },
	{ "copy_file_range", prepare, file_to_file, 0, 0 },
	{ "sendfile", prepare, sent, 0, 0 },
};

int main(int argc, char **argv)
{
	return SWEEP(rows, argc, argv);
}
