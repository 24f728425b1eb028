/*
 * memfds with seals, their sizes, reading and writing them from and into memory that may not be
 * there; /dev/zero; the program's own file; a pipe.
 */
#include "aspace.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILE_PAGES	24

static int files[FILES] = { -1, -1, -1, -1 }, self_fd = -1, zero_fd = -1, pipe_fds[2] = { -1, -1 };
static bool file_pages[END_PAGE - FIRST_PAGE];

void files_start(const char *self)
{
	if (class_on("self")) {
		self_fd = SYS(open, "/proc/self/exe", O_RDONLY);
		if (self_fd < 0)
			self_fd = SYS(open, self, O_RDONLY);
		if (self_fd < 0)
			say("the program's file cannot be opened");
	}
	if (class_on("devzero"))
		zero_fd = SYS(open, "/dev/zero", O_RDWR);
	if (class_on("pipe"))
		SYS(pipe2, pipe_fds, O_NONBLOCK);
}

int scratch_pipe(int end)
{
	return pipe_fds[end];
}

static int pick_memfd(int *which)
{
	*which = rnd(FILES);
	for (int i = 0; i < FILES && files[*which] < 0; i++)
		*which = (*which + 1) % FILES;
	return files[*which];
}

int pick_file(const char **kind)
{
	static const char *const names[FILES] = { "memfd0", "memfd1", "memfd2", "memfd3" };
	int which;

	if (chance(8) && self_fd >= 0) {
		*kind = "self";
		return self_fd;
	}
	if (pick_memfd(&which) >= 0)
		*kind = names[which];
	return files[which];
}

int file_seals(int fd)
{
	long seals = fd < 0 ? 0 : SYS(fcntl, fd, F_GET_SEALS);

	return seals < 0 ? 0 : seals;
}

/* ---- where files may be mapped ---- */

static bool *file_page(uint64_t addr)
{
	return &file_pages[((long)(addr - ARENA) >> 12) - FIRST_PAGE];
}

void taint(uint64_t addr, uint64_t len, bool on)
{
	for (uint64_t at = addr & -PAGE; at < addr + len && in_universe(at); at += PAGE)
		*file_page(at) = on;
}

void taint_move(uint64_t from, uint64_t to, uint64_t old_len, uint64_t new_len)
{
	bool any = in_universe(from) && *file_page(from & -PAGE);

	for (uint64_t at = from & -PAGE; at < from + old_len && in_universe(at); at += PAGE)
		any |= *file_page(at);
	taint(to, new_len, any);
}

bool tainted(uint64_t addr)
{
	return in_universe(addr) && *file_page(addr);
}

/* ---- memfds ---- */

static void op_memfd(void)
{
	static const char *const names[FILES] = { "m0", "m1", "m2", "m3" };
	int which = rnd(FILES), flags = class_on("seal") && chance(60) ? MFD_ALLOW_SEALING : 0;
	uint64_t size = chance(80) ? rnd(FILE_PAGES) * PAGE + (chance(40) ? rnd(PAGE) : 0) : 0;
	long fd;

	if (chance(3))
		flags |= 0x40;
	if (chance(20))
		flags |= MFD_CLOEXEC;
	if (files[which] >= 0)
		SYS(close, files[which]);
	fd = SYS(memfd_create, names[which], flags);
	files[which] = fd < 0 ? -1 : fd;
	say("memfd%d = memfd_create(%#x)", which, flags);
	if (fd < 0) {
		say_result(fd);
		return;
	}
	say(", size %#lx", (unsigned long)size);
	say_result(SYS(ftruncate, fd, size));
}

static void op_truncate(void)
{
	int which, fd = pick_memfd(&which);
	long size = rnd(FILE_PAGES + 8) * PAGE + (chance(50) ? rnd(PAGE) : 0);

	if (chance(4))
		size = -1 - (long)rnd(9);
	say("ftruncate(memfd%d, %#lx)", which, size);
	say_result(SYS(ftruncate, fd, size));
}

static void op_seal(void)
{
	static const int seals[] = { F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE, 0x10,
				     F_SEAL_SHRINK | F_SEAL_GROW, 0x40000 };
	int which, fd = pick_memfd(&which), seal = ONE_OF(seals);
	long result;

	say("seal memfd%d %#x", which, seal);
	result = SYS(fcntl, fd, F_ADD_SEALS, seal);
	say_result(result);
	result = SYS(fcntl, fd, F_GET_SEALS);
	if (result >= 0)
		say(", seals %#lx", result);
	else
		say_result(result);
}

static uint64_t file_digest(int fd, uint64_t *size)
{
	static char page[PAGE];
	uint64_t hash = 1;
	long n;

	for (*size = 0; (n = SYS(pread64, fd, page, PAGE, *size)) > 0; *size += n)
		hash = mix(hash, page, n);
	return hash;
}

static void op_content(void)
{
	int which, fd = pick_memfd(&which);
	uint64_t size, hash = file_digest(fd, &size);

	say("memfd%d holds %#lx bytes, %08x", which, (unsigned long)size, (uint32_t)hash);
}

/* ---- copies to and from memory by the kernel ---- */

static struct range pick_bytes(void)
{
	struct range r = pick_pages();

	if (r.len > 12 * PAGE)
		r.len = (1 + rnd(12)) * PAGE;
	if (chance(60)) {
		r.addr += rnd(PAGE);
		r.len = 1 + rnd(r.len);
	}
	return r;
}

/*
 * What newer kernels do otherwise is not asked for: with F_SEAL_GROW they cut a write that begins
 * inside and ends outside of the file elsewhere, and they make the file longer, up to where the
 * write would begin, when nothing can be copied. Returns where to write.
 */
static uint64_t fit(int fd, struct range *r, uint64_t at)
{
	struct stat st = { 0 };

	if (file_seals(fd) & F_SEAL_GROW && at % PAGE + r->len > PAGE)
		r->len = PAGE - at % PAGE;
	if (fd >= 0)
		fstat(fd, &st);
	return at > (uint64_t)st.st_size ? (uint64_t)st.st_size : at;
}

/*
 * Memory that may show a file's page is copied from and to the same place in a page: what a copy
 * gives between places of one page that overlap nobody promises.
 */
static void match(struct range *r, uint64_t at)
{
	bool any = false;

	for (uint64_t page = r->addr & -PAGE; page <= r->addr + r->len; page += PAGE)
		any |= tainted(page);
	if (any)
		r->addr = (r->addr & -PAGE) + at % PAGE;
}

static void op_transfer(void)
{
	int which, fd = pick_memfd(&which);
	struct range r = pick_bytes();
	uint64_t at = rnd(FILE_PAGES) * PAGE + (chance(50) ? rnd(PAGE) : 0);
	bool in = chance(50);

	if (!in)
		at = fit(fd, &r, at);
	match(&r, at);
	say("%s(memfd%d, ", in ? "pread" : "pwrite", which);
	say_addr(r.addr);
	say(", %#lx, %#lx)", (unsigned long)r.len, (unsigned long)at);
	say_result(in ? SYS(pread64, fd, r.addr, r.len, at) : SYS(pwrite64, fd, r.addr, r.len, at));
}

static void op_position(void)
{
	int which, fd = pick_memfd(&which);
	struct range r = pick_bytes();
	bool in = chance(50);
	long at = rnd(FILE_PAGES * PAGE);

	if (!in)
		at = fit(fd, &r, at);
	at = SYS(lseek, fd, at, SEEK_SET);
	match(&r, at);
	say("lseek %ld, %s(memfd%d, ", at, in ? "read" : "write", which);
	say_addr(r.addr);
	say(", %#lx)", (unsigned long)r.len);
	say_result(in ? SYS(read, fd, r.addr, r.len) : SYS(write, fd, r.addr, r.len));
	say(", then at %ld", (long)SYS(lseek, fd, 0, SEEK_CUR));
}

/* Bytes of one part of a write at `at`, so that all parts lie inside of the file, or none. */
static uint64_t part_limit(int fd, uint64_t *at)
{
	struct stat st = { 0 };
	uint64_t part;

	if (!(file_seals(fd) & F_SEAL_GROW) || fstat(fd, &st))
		return 12 * PAGE;
	part = (st.st_size - *at) / 3;
	if (!part)
		*at = st.st_size;
	return part && part < PAGE / 4 ? part : PAGE / 4;
}

static void op_vector(void)
{
	struct iovec vector[3];
	int which, fd = pick_memfd(&which), n = 1 + rnd(3);
	bool in = chance(50);
	uint64_t at = rnd(FILE_PAGES) * PAGE, limit = 12 * PAGE, done = 0;

	if (!in) {
		at = fit(fd, &(struct range){ 0, 0 }, at);
		limit = part_limit(fd, &at);
	}
	at = SYS(lseek, fd, at, SEEK_SET);
	say("%s(memfd%d", in ? "readv" : "writev", which);
	for (int i = 0; i < n; i++) {
		struct range r = pick_bytes();

		if (r.len > limit)
			r.len = 1 + rnd(limit);
		match(&r, at + done);
		done += r.len;
		vector[i] = (struct iovec){ (void *)r.addr, r.len };
		say(", ");
		say_addr(r.addr);
		say(" %#lx", (unsigned long)r.len);
	}
	say(") at %ld", (long)at);
	say_result(in ? SYS(readv, fd, vector, n) : SYS(writev, fd, vector, n));
}

static void op_pipe(void)
{
	static char buffer[1 << 16];
	struct range r = pick_bytes();
	long n, got;

	say("pipe write ");
	say_addr(r.addr);
	say(" %#lx", (unsigned long)r.len);
	n = SYS(write, pipe_fds[1], r.addr, r.len);
	say_result(n);
	got = SYS(read, pipe_fds[0], buffer, sizeof(buffer));
	if (got > 0)
		say(" %08x", (uint32_t)mix(1, buffer, got));
	else
		say_result(got);
}

static void op_pipe_read(void)
{
	static char buffer[3 * PAGE];
	struct range r = pick_bytes();
	uint64_t n = 1 + rnd(sizeof(buffer));

	memset(buffer, rnd(256), n);
	SYS(write, pipe_fds[1], buffer, n);
	say("pipe read ");
	say_addr(r.addr);
	say(" %#lx of %#lx", (unsigned long)r.len, (unsigned long)n);
	n = SYS(read, pipe_fds[0], r.addr, r.len);
	say_result(n);
	/* What is left in the pipe after a copy that failed half-way is not looked at. */
	while (SYS(read, pipe_fds[0], buffer, sizeof(buffer)) > 0)
		;
}

/* The kernel writes or reads eight bytes. */
static void op_small_copy(void)
{
	uint64_t addr = page_addr(pick_page()) + rnd(PAGE / 8) * 8;
	bool in = chance(50);

	say("sigprocmask %s ", in ? "from" : "to");
	say_addr(addr);
	say_result(SYS(rt_sigprocmask, 1 /* SIG_UNBLOCK */, in ? addr : 0, in ? 0 : addr, 8));
}

/* Used and taken down: Linux remembers that there was a file, where Quire has anonymous memory. */
static void op_zero(void)
{
	int flags = MAP_FIXED | (chance(50) ? MAP_SHARED : MAP_PRIVATE);
	uint64_t addr = page_addr(pick_page() & -2);
	uint8_t first = 1, last = 1;

	say("/dev/zero, %s at ", flags & MAP_SHARED ? "shared" : "private");
	say_addr(addr);
	if (SYS(mmap, addr, 2 * PAGE, PROT_READ | PROT_WRITE, flags, zero_fd, 0) != (long)addr)
		say(" not mapped");
	else if (try_read(addr, &first) && try_write(addr + PAGE, 7) &&
		 try_read(addr + PAGE, &last))
		say(" = %d, %d", first, last);
	else
		say_fault();
	say(", munmap %ld", SYS(munmap, addr, 2 * PAGE));
}

const struct op file_ops[] = {
	{ "memfd", "memfd", 25, op_memfd },
	{ "truncate", "truncate", 20, op_truncate },
	{ "seal", "seal", 10, op_seal },
	{ "content", "transfer", 10, op_content },
	{ "transfer", "transfer", 40, op_transfer },
	{ "position", "transfer", 10, op_position },
	{ "vector", "transfer", 10, op_vector },
	{ "pipe", "pipe", 12, op_pipe },
	{ "piperead", "pipe", 8, op_pipe_read },
	{ "small", "usercopy", 12, op_small_copy },
	{ "zero", "devzero", 5, op_zero },
	{ 0 },
};
