/*
 * Block devices: bytes that stay, read and written by pages. To mm each is a
 * struct store (swap); to programs a block special file, whose offsets and
 * lengths may be any.
 *
 * The operations of the store also take the device's last page where only a part of
 * it is there: that part alone is read or written.
 */
#ifndef KERNEL_DEV_BLOCK_H
#define KERNEL_DEV_BLOCK_H

#include <kernel/core/mutex.h>
#include <kernel/fs/node.h>
#include <mm/mm.h>

#define BLOCK_SECTOR	512u		/* unit of sizes on the wire and in BLKGETSIZE */

/* What a device has read or written, as it counts itself: /proc/diskstats. */
struct block_count { uint64_t transfers, sectors; };	/* atomic */

struct block_dev {
	struct store store;		/* its whole pages; name: path of its file; const */
	uint64_t bytes;			/* const, as all up to the next lock */
	unsigned major, minor;
	bool read_only;
	/* What has been written stays from now on: 0 or -EIO. NULL: it does anyway. May sleep. */
	int (*flush)(struct block_dev *b);
	struct block_count count[2];	/* of reading, of writing */
	struct mutex lock;		/* RANK_FS: writes by programs, one at a time */
	TAILQ_ENTRY(block_dev) link;	/* const after boot */
};

/* For the device of the store: one transfer more. */
static inline void block_count(struct store *s, bool write, uint64_t sectors)
{
	struct block_count *c = &container_of(s, struct block_dev, store)->count[write];

	__atomic_fetch_add(&c->transfers, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&c->sectors, sectors, __ATOMIC_RELAXED);
}
#define BLOCK_PAGE_SECTORS	(PAGE_SIZE / BLOCK_SECTOR)

/* Finds the devices there are, and gives each its file below /dev. Boot only. */
void block_init(void);
/* b, filled in but for lock and link, is there from now on. Boot only. */
void block_register(struct block_dev *b);
/* The device whose file is path; NULL: there is none. */
struct block_dev *block_find(const char *path);
/* The device whose special file n is, or NULL. */
struct block_dev *block_of_node(const struct node *n);
/* The one after b (NULL: the first), or NULL. */
struct block_dev *block_next(struct block_dev *b);
/* Flushes every device, as sync(2). */
void block_flush_all(void);

#endif
