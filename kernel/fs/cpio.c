/*
 * newc archives; see cpio.h. An entry is a header of 110 characters (magic and
 * 13 numbers of 8 hexadecimal digits), the name, padding to 4, the data,
 * padding to 4. All sums are of numbers below 2^32 in 64 bits: none overflows.
 */
#include <kernel/fs/cpio.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <linux/limits.h>

#define HEADER_SIZE	110
#define TRAILER		"TRAILER!!!"

enum field {
	F_INO, F_MODE, F_UID, F_GID, F_NLINK, F_MTIME, F_FILESIZE, F_DEVMAJOR, F_DEVMINOR,
	F_RDEVMAJOR, F_RDEVMINOR, F_NAMESIZE, F_CHECK, NFIELDS
};

struct archive {
	const uint8_t *data;
	size_t size, at;
};

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int hex_field(const uint8_t *s, uint32_t *v)
{
	*v = 0;
	for (int i = 0; i < 8; i++) {
		int d = hex_digit(s[i]);

		if (d < 0)
			return -EINVAL;
		*v = *v << 4 | (uint32_t)d;
	}
	return 0;
}

static int header_read(const uint8_t *h, uint32_t f[NFIELDS])
{
	if (memcmp(h, "070701", 6) != 0 && memcmp(h, "070702", 6) != 0)
		return -EINVAL;
	for (int i = 0; i < NFIELDS; i++)
		if (hex_field(h + 6 + 8 * i, &f[i]) < 0)
			return -EINVAL;
	return 0;
}

/* The entry at a->at; moves a->at behind it. */
static int entry_read(struct archive *a, struct cpio_entry *e)
{
	uint32_t f[NFIELDS];
	uint64_t data;

	if (a->size - a->at < HEADER_SIZE || header_read(a->data + a->at, f) < 0)
		return -EINVAL;
	if (f[F_NAMESIZE] < 2 || f[F_NAMESIZE] > PATH_MAX ||
	    f[F_NAMESIZE] > a->size - a->at - HEADER_SIZE)
		return -EINVAL;
	e->name = (const char *)a->data + a->at + HEADER_SIZE;
	if (strnlen(e->name, f[F_NAMESIZE]) != f[F_NAMESIZE] - 1)
		return -EINVAL;
	data = ALIGN_UP(a->at + HEADER_SIZE + f[F_NAMESIZE], 4);
	if (data > a->size || f[F_FILESIZE] > a->size - data)
		return -EINVAL;
	e->data = a->data + data;
	e->size = f[F_FILESIZE];
	e->ino = f[F_INO];
	e->mode = f[F_MODE];
	e->uid = f[F_UID];
	e->gid = f[F_GID];
	e->nlink = f[F_NLINK];
	e->mtime = f[F_MTIME];
	e->dev_major = f[F_DEVMAJOR];
	e->dev_minor = f[F_DEVMINOR];
	e->rdev_major = f[F_RDEVMAJOR];
	e->rdev_minor = f[F_RDEVMINOR];
	a->at = MIN(ALIGN_UP(data + e->size, 4), a->size);
	return 0;
}

static void skip_zeros(struct archive *a)
{
	while (a->at < a->size && !a->data[a->at])
		a->at++;
}

int cpio_parse(const void *archive, size_t size, int (*fn)(const struct cpio_entry *e, void *arg),
	       void *arg, size_t *bad)
{
	struct archive a = { .data = archive, .size = size };
	struct cpio_entry e;
	bool ended = false;
	int err = 0;

	while (!err) {
		size_t start;

		if (ended)
			skip_zeros(&a);
		start = a.at;
		if (ended && a.at == a.size)
			return 0;
		err = entry_read(&a, &e);
		if (err && bad)
			*bad = start;
		ended = !err && strcmp(e.name, TRAILER) == 0;
		if (!err && !ended)
			err = fn(&e, arg);
	}
	return err;
}
