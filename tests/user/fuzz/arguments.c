/* Random arguments. */
#define _GNU_SOURCE
#include "fuzz.h"
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

uint64_t state;

uint64_t bits(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15ul;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ul;
	z = (z ^ z >> 27) * 0x94d049bb133111ebul;
	return z ^ z >> 31;
}

uint64_t below(uint64_t n)
{
	return bits() % n;
}

/* ---- arguments ---- */

static uint64_t edge(void)
{
	static const uint64_t edges[] = {
		0, 1, 8, PAGE, 0x400000, 0x7ffffffff000, 0x7fffffffeff8, 0x7ffffffffff9,
		0x800000000000, 0xffff800000000000, 0xffff888000000000, 0xffffc00000000000,
		0xffffffff80000000, 0xffffffff80100000, 0xffffffffff600000, -1ul, -8ul, -PAGE,
		1ul << 63, 1ul << 47, 1ul << 32, 0x7fffffff, 0x80000000,
	};

	return edges[below(sizeof(edges) / sizeof(edges[0]))];
}

uint64_t pointer(void)
{
	switch (below(12)) {
	case 0:
		return edge();
	case 1:
		return bits();
	case 2:
		return (uint64_t)&state + below(PAGE);
	case 3:
		return (uint64_t)calls & -PAGE;
	case 4 ... 5:				/* just before a border */
		return AREA + (1 + below(AREA_PAGES + 2)) * PAGE - below(64);
	case 6:
		return AREA + below(AREA_PAGES) * PAGE + below(PAGE);
	default:
		return AREA + below(AREA_PAGES + 2) * PAGE;
	}
}

static uint64_t length(void)
{
	switch (below(8)) {
	case 0:
		return edge();
	case 1 ... 2:
		return 8;
	case 3:
		return below(70000);
	default:
		return (1 + below(AREA_PAGES)) * PAGE - below(2);
	}
}

uint64_t small(void)
{
	switch (below(8)) {
	case 0:
		return bits();
	case 1:
		return edge();
	case 2 ... 3:
		return 1ul << below(32);
	case 4:
		return 1ul << below(32) | 1ul << below(32) | below(32);
	default:
		return below(40);
	}
}

static uint64_t path(void)
{
	static const char *const paths[] = {
		"/", "/bin", "/dev/null", "/dev/zero", "/proc/self/maps", "/proc/self/exe",
		"/proc/meminfo", ".", "..", "/proc/self/status", "/proc/self/pagemap",
		"/proc/vmstat", "/bin/fuzz", "/tmp/a", "", "a/../b", "/proc/self/fail_alloc",
		"/proc/mm_verify", "/proc/self/fd/3", "/proc", "/sys", "/tmp", "/dev/full",
		"/proc/self/mem", "/proc/1/status", "/proc/999999/maps",
		"/sys/kernel/debug/fault_around_bytes",
	};

	return below(8) ? (uint64_t)paths[below(sizeof(paths) / sizeof(paths[0]))] : pointer();
}

static uint64_t one_of(const char *const *words, size_t n)
{
	return below(12) ? (uint64_t)words[below(n)] : pointer();
}
#define ONE_OF(words)	one_of(words, sizeof(words) / sizeof((words)[0]))

static uint64_t mount_point(void)
{
	static const char *const places[] = {
		"/tmp/m", "/tmp/m", "/tmp/m/n", "/tmp/m/n", "/tmp", "/tmp/a", ".", "..", "/", "/bin", "/dev", "/dev/shm",
		"/proc", "/proc/self", "/proc/self/cwd", "/sys",
	};

	return ONE_OF(places);
}

static uint64_t type(void)
{
	static const char *const types[] = { "tmpfs", "tmpfs", "tmpfs", "proc", "sysfs", "devtmpfs", "ext4", "" };

	return ONE_OF(types);
}

static uint64_t options(void)
{
	static const char *const texts[] = {
		"", "size=64k", "size=0", "size=50%", "nr_inodes=3", "mode=0,uid=7", "huge=always", "huge=within_size,size=4m",
		"nr_blocks=9,gid=x", "size=", ",,=,", "inode64", "size=18446744073709551615", "mode=77777777",
	};

	return ONE_OF(texts);
}

static uint64_t swap_device(void)
{
	static const char *const devices[] = { "/dev/ram0", "/dev/ram0", "/dev/zero", "/bin/fuzz", "/tmp" };

	return ONE_OF(devices);
}

static uint64_t vector(void)
{
	struct iovec *v = (struct iovec *)(AREA + below(16) * PAGE);

	if (below(6) == 0)
		return pointer();
	for (int i = 0; i < 8; i++)
		v[i] = (struct iovec){ (void *)pointer(), below(4) ? below(PAGE * 3) : length() };
	return (uint64_t)v;
}

/* One of few: sockets meet. */
static uint64_t socket_name(void)
{
	struct sockaddr_un *n = (struct sockaddr_un *)(AREA + 30 * PAGE);

	if (below(8) == 0)
		return pointer();
	*n = (struct sockaddr_un){ .sun_family = below(20) ? AF_UNIX : below(3) };
	n->sun_path[below(2)] = (char)('a' + below(3));
	return (uint64_t)n;
}

/* A message whose pieces may be there, with files or identities that may exist. */
static uint64_t message(void)
{
	char *at = (char *)(AREA + (16 + below(8)) * PAGE);
	struct msghdr *m = (struct msghdr *)at;
	struct cmsghdr *c = (struct cmsghdr *)(at + 256);

	if (below(8) == 0)
		return pointer();
	*m = (struct msghdr){ .msg_name = (void *)(below(3) ? 0 : socket_name()), .msg_namelen = 4, .msg_iov = (struct iovec *)vector(), .msg_iovlen = below(4), .msg_control = c,
			      .msg_controllen = below(4) ? 16 + 4 * below(8) : length() };
	*c = (struct cmsghdr){ .cmsg_len = below(4) ? 16 + 4 * below(6) : small(), .cmsg_level = 1,
			       .cmsg_type = 1 + below(8) / 7 };
	for (int i = 0; i < 8; i++)
		((int *)(c + 1))[i] = below(20);
	return (uint64_t)m;
}

/* As clone3 takes it; the child goes on where its parent stands. */
static uint64_t clone_args(void)
{
	uint64_t *a = (uint64_t *)(AREA + (24 + below(6)) * PAGE);

	if (below(8) == 0)
		return pointer();
	for (unsigned i = 0; i < 11; i++)
		a[i] = below(3) ? 0 : pointer();
	a[0] = small() & ~(uint64_t)(CLONE_VM | 0xff);
	a[4] = below(4) ? 17 : small();
	a[5] = a[6] = 0;
	return (uint64_t)a;
}

uint64_t argument(char kind)
{
	switch (kind) {
	case 'm':
		return message();
	case 'p':
		return pointer();
	case 'v':
		return vector();
	case 'A':
		return socket_name();
	case 'l':
		return below(8) ? 4 : small();
	case 'k':
		return clone_args();
	case 'P':
		return path();
	case 'M':
		return mount_point();
	case 'T':
		return type();
	case 'O':
		return options();
	case 'D':
		return swap_device();
	case 'n':
		return length();
	case 'f':
		return below(10) ? below(20) : small();
	case 'h':
		return below(4) ? *segments + below(4) : small();
	case 'c':
		return below(10) ? below(12) : small();
	case 's':
		return below(10) ? below(66) : small();
	case 'd':
		return below(4) ? (uint64_t)getpid() : below(2) ? 0x7ffffff : 0;
	case 't':
		return 0x5400 + below(0x40);
	case 'o':
		return below(2) ? below(64) * PAGE : small();
	default:
		return small();
	}
}
