/*
 * Disks by virtio: OASIS, Virtual I/O Device 1.0, section 5.2.
 *
 * A transfer of up to STORE_BATCH pages is one request: a chain of descriptors, its head
 * (what and where), the pages, and a byte for the answer. Where the device takes
 * indirect descriptors, which is nearly always, a request has its chain in a table of its own and
 * needs one descriptor of the queue; else it owns a run of them. There are as many
 * requests as may be under way at once; who finds none free sleeps, and so does
 * who waits for an answer.
 *
 * A device that does not answer for SLOW_NS is looked at once more, without its interrupt, and
 * then reported, with what it was asked. The wait goes on: the memory that it was given
 * stays the device's until it answers.
 *
 * Locks: free.lock (of a wait queue, interrupts off) guards the list of free requests and the
 * queue; a request's wait.lock its `done`. Neither is held while the other is taken.
 */
#include <kernel/dev/virtio_blk.h>
#include <kernel/core/clock.h>
#include <kernel/dev/block.h>
#include <kernel/dev/pci.h>
#include <kernel/dev/virtio.h>
#include <lib/assert.h>
#include <lib/format.h>
#include <lib/log.h>
#include <linux/errno.h>
#include <linux/virtio_blk.h>
#include <mm/alloc/slab.h>

#define CHAIN		(STORE_BATCH + 2)	/* descriptors of a request at most */
#define REQUESTS	64u			/* under way at once at most */
#define SLOW_NS		(10 * NS_PER_SEC)
#define LOOKS		100000u
#define DISKS_MAX	26u			/* vda .. vdz */
#define DISK_MAJOR	254u			/* as Linux's virtblk has it as a rule */
#define DISK_MINORS	16u

struct request {
	struct vring_desc table[CHAIN];
	struct virtio_blk_outhdr head;
	uint8_t status;			/* the device writes it */
	bool done;			/* wait.lock */
	uint16_t index;			/* const */
	struct waitq wait;
	SLIST_ENTRY(request) link;	/* free.lock */
};

struct disk {
	struct block_dev block;
	struct virtio_dev dev;		/* const after boot */
	struct virtq queue;		/* free.lock */
	struct waitq free;
	SLIST_HEAD(, request) requests;	/* those not under way; free.lock */
	struct request *request[REQUESTS];	/* all, by index; const */
	unsigned nrequests, batch;	/* const: pages that a request takes */
	bool indirect;			/* const */
	char name[sizeof("/dev/vda")];
};

static unsigned ndisks;

static struct disk *disk_of(struct store *s)
{
	return container_of(s, struct disk, block.store);
}

/* ---- the answer ---- */

static struct request *take_done(struct disk *d)
{
	uint64_t flags = waitq_lock(&d->free);
	struct request *r = NULL;
	uint32_t head;

	if (virtq_take(&d->queue, &head)) {
		unsigned i = d->indirect ? head : head / CHAIN;

		assert(i < d->nrequests);	/* it is the device's memory that is wrong */
		r = d->request[i];
	}
	waitq_unlock(&d->free, flags);
	return r;
}

/* The device has done with requests: the interrupt, or somebody who waited for too long. */
static void reap(void *arg)
{
	struct request *r;

	while ((r = take_done(arg))) {
		uint64_t flags = waitq_lock(&r->wait);

		r->done = true;
		waitq_wake_all(&r->wait);
		waitq_unlock(&r->wait, flags);
	}
}

/* Looks for the answer for a while: where time jumps (QEMU's -icount), ten seconds are no time for a disk. */
static bool look(struct disk *d, struct request *r)
{
	for (unsigned i = 0; i < LOOKS && !READ_ONCE(r->done); i++) {
		reap(d);
		cpu_relax();
	}
	return READ_ONCE(r->done);
}

static void report_slow(struct disk *d, const struct request *r, unsigned n)
{
	log_warn("%s: no answer for %lu s to a %s of %u pages at sector %lu (device status %#x); "
		 "it is waited for", d->name, SLOW_NS / NS_PER_SEC,
		 r->head.type == VIRTIO_BLK_T_IN ? "read" : r->head.type == VIRTIO_BLK_T_OUT ? "write" : "flush",
		 n, (uint64_t)r->head.sector, virtio_status(&d->dev));
}

static void wait(struct disk *d, struct request *r, unsigned n)
{
	uint64_t flags = waitq_lock(&r->wait);
	bool reported = false;

	while (!r->done) {
		int late = waitq_sleep_until(&r->wait, &flags, clock_monotonic_ns() + SLOW_NS);

		if (!late || r->done || reported)
			continue;
		waitq_unlock(&r->wait, flags);
		if (!look(d, r)) {
			report_slow(d, r, n);
			reported = true;
		}
		flags = waitq_lock(&r->wait);
	}
	waitq_unlock(&r->wait, flags);
}

/* ---- the request ---- */

static struct request *get_request(struct disk *d)
{
	uint64_t flags = waitq_lock(&d->free);
	struct request *r;

	while (SLIST_EMPTY(&d->requests))
		waitq_sleep(&d->free, &flags);
	r = SLIST_FIRST(&d->requests);
	SLIST_REMOVE_HEAD(&d->requests, link);
	waitq_unlock(&d->free, flags);
	r->done = false;
	return r;
}

static void put_request(struct disk *d, struct request *r)
{
	uint64_t flags = waitq_lock(&d->free);

	SLIST_INSERT_HEAD(&d->requests, r, link);
	waitq_wake_one(&d->free);
	waitq_unlock(&d->free, flags);
}

static void describe(struct vring_desc *table, unsigned base, unsigned i, const void *at, uint32_t len,
		     unsigned flags)
{
	table[i].addr = virt_to_phys(at).v;
	table[i].len = len;
	table[i].flags = (uint16_t)flags;
	table[i].next = (uint16_t)(base + i + 1);
}

/* The chain of r, for n pages that hold `bytes` of the disk; returns its length. */
static unsigned make_chain(struct request *r, struct vring_desc *table, unsigned base,
			   struct page *const *pages, unsigned n, uint64_t bytes)
{
	unsigned in = r->head.type == VIRTIO_BLK_T_IN ? VRING_DESC_F_WRITE : 0;

	describe(table, base, 0, &r->head, sizeof(r->head), VRING_DESC_F_NEXT);
	for (unsigned i = 0; i < n; i++, bytes -= MIN(bytes, PAGE_SIZE))
		describe(table, base, i + 1, page_to_virt(pages[i]), (uint32_t)MIN(bytes, PAGE_SIZE),
			 VRING_DESC_F_NEXT | in);
	describe(table, base, n + 1, &r->status, sizeof(r->status), VRING_DESC_F_WRITE);
	return n + 2;
}

static void submit(struct disk *d, struct request *r, struct page *const *pages, unsigned n, uint64_t bytes)
{
	unsigned base = d->indirect ? 0 : r->index * CHAIN, length;
	struct vring_desc *own = &d->queue.desc[d->indirect ? r->index : base];
	uint64_t flags;

	length = make_chain(r, d->indirect ? r->table : own, base, pages, n, bytes);
	if (d->indirect)
		describe(own, 0, 0, r->table, length * sizeof(r->table[0]), VRING_DESC_F_INDIRECT);
	flags = waitq_lock(&d->free);
	virtq_offer(&d->queue, (uint16_t)(own - d->queue.desc));
	waitq_unlock(&d->free, flags);
	virtq_ring(&d->queue);
}

static int ask(struct disk *d, uint32_t type, uint64_t first, struct page *const *pages, unsigned n)
{
	struct request *r = get_request(d);
	uint64_t off = first << PAGE_SHIFT;
	int err;

	r->head = (struct virtio_blk_outhdr){ .type = type, .sector = off / BLOCK_SECTOR };
	r->status = VIRTIO_BLK_S_IOERR;
	submit(d, r, pages, n, d->block.bytes - off);
	wait(d, r, n);
	err = READ_ONCE(r->status) == VIRTIO_BLK_S_OK ? 0 : -EIO;
	put_request(d, r);
	return err;
}

/* The last page may be there only in part. */
static uint64_t sectors_of(const struct disk *d, uint64_t first, unsigned n)
{
	return MIN((uint64_t)n << PAGE_SHIFT, d->block.bytes - (first << PAGE_SHIFT)) / BLOCK_SECTOR;
}

static int transfer(struct store *s, uint32_t type, uint64_t first, struct page *const *pages, unsigned n)
{
	struct disk *d = disk_of(s);
	int err = 0;

	for (unsigned i = 0, some; i < n && !err; i += some) {
		some = MIN(n - i, d->batch);
		block_count(s, type == VIRTIO_BLK_T_OUT, sectors_of(d, first + i, some));
		err = ask(d, type, first + i, pages + i, some);
	}
	return err;
}

static int disk_read(struct store *s, uint64_t first, struct page *const *pages, unsigned n)
{
	return transfer(s, VIRTIO_BLK_T_IN, first, pages, n);
}

static int disk_write(struct store *s, uint64_t first, struct page *const *pages, unsigned n)
{
	return transfer(s, VIRTIO_BLK_T_OUT, first, pages, n);
}

static int disk_flush(struct block_dev *b)
{
	return ask(disk_of(&b->store), VIRTIO_BLK_T_FLUSH, 0, NULL, 0);
}

static const struct store_ops disk_ops = { .read = disk_read, .write = disk_write };

/* ---- boot ---- */

static uint32_t config32(const struct disk *d, size_t at)
{
	return at + 4 <= d->dev.config_len ? *(volatile uint32_t *)(d->dev.config + at) : 0;
}

static bool make_requests(struct disk *d)
{
	unsigned max = d->indirect ? d->queue.size : d->queue.size / CHAIN;

	while (d->nrequests < MIN(max, REQUESTS)) {
		struct request *r = kzalloc(sizeof(*r));

		if (!r)
			break;
		waitq_init(&r->wait);
		r->index = (uint16_t)d->nrequests;
		d->request[d->nrequests++] = r;
		SLIST_INSERT_HEAD(&d->requests, r, link);
	}
	return d->nrequests;
}

/* How large it is, and what one request may hold. NULL, or what is wrong. */
static const char *read_config(struct disk *d, uint64_t features)
{
	uint32_t pages = STORE_BATCH, unit = BLOCK_SECTOR;

	if (features & VIRTIO_BIT(VIRTIO_BLK_F_BLK_SIZE))
		unit = config32(d, offsetof(struct virtio_blk_config, blk_size));
	if (!unit || PAGE_SIZE % unit)
		return "its blocks are no parts of a page";
	d->block.bytes = ((uint64_t)config32(d, 4) << 32 | config32(d, 0)) * BLOCK_SECTOR;
	d->block.bytes -= d->block.bytes % unit;
	d->block.store.npages = d->block.bytes >> PAGE_SHIFT;
	if (!d->block.store.npages)
		return "it is smaller than a page";
	if (features & VIRTIO_BIT(VIRTIO_BLK_F_SIZE_MAX) &&
	    config32(d, offsetof(struct virtio_blk_config, size_max)) < PAGE_SIZE)
		return "it does not take pieces of a page";
	if (features & VIRTIO_BIT(VIRTIO_BLK_F_SEG_MAX))
		pages = config32(d, offsetof(struct virtio_blk_config, seg_max));
	d->batch = MIN(MAX(pages, 1u), STORE_BATCH);
	return NULL;
}

static const char *set_up(struct disk *d, unsigned function)
{
	const uint64_t want = VIRTIO_BIT(VIRTIO_F_VERSION_1) | VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) |
			      VIRTIO_BIT(VIRTIO_BLK_F_SIZE_MAX) | VIRTIO_BIT(VIRTIO_BLK_F_SEG_MAX) |
			      VIRTIO_BIT(VIRTIO_BLK_F_BLK_SIZE) | VIRTIO_BIT(VIRTIO_BLK_F_RO) |
			      VIRTIO_BIT(VIRTIO_BLK_F_FLUSH);
	const char *wrong = virtio_begin(&d->dev, function);
	uint64_t features = 0;

	if (!wrong)
		wrong = virtio_agree(&d->dev, want, &features);
	if (!wrong)
		wrong = read_config(d, features);
	if (!wrong)
		wrong = virtio_queue(&d->dev, 0, 1u << 15, reap, d, &d->queue);
	if (wrong)
		return wrong;
	d->indirect = features & VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC);
	d->block.read_only = features & VIRTIO_BIT(VIRTIO_BLK_F_RO);
	d->block.flush = features & VIRTIO_BIT(VIRTIO_BLK_F_FLUSH) ? disk_flush : NULL;
	return make_requests(d) ? NULL : "its queue is too short";
}

static void add_disk(struct disk *d)
{
	unsigned n = ndisks++;

	snprintf(d->name, sizeof(d->name), "/dev/vd%c", 'a' + n);
	d->block.store.name = d->name;
	d->block.store.ops = &disk_ops;
	d->block.major = DISK_MAJOR;
	d->block.minor = n * DISK_MINORS;
	virtio_start(&d->dev);
	log_info("vd%c: %lu KB%s, %u requests of %u pages at once", 'a' + n, d->block.bytes >> 10,
		 d->block.read_only ? ", read-only" : "", d->nrequests, d->batch);
	block_register(&d->block);
}

/* A disk that is refused keeps what it has: the device may still know of it. */
static void probe(unsigned function, struct pci_id id)
{
	const char *wrong;
	struct disk *d;

	if (id.vendor != VIRTIO_VENDOR || (id.device != VIRTIO_DEVICE_MODERN + VIRTIO_ID_BLOCK &&
					   id.device != VIRTIO_DEVICE_BLOCK))
		return;
	d = ndisks < DISKS_MAX ? kzalloc(sizeof(*d)) : NULL;
	if (d) {
		waitq_init(&d->free);
		wrong = set_up(d, function);
	} else {
		wrong = "no memory, or 26 disks are there already";
	}
	if (!wrong) {
		add_disk(d);
		return;
	}
	log_warn("virtio disk at PCI %02x:%02x.%u is not used: %s", function >> 8, function >> 3 & 31,
		 function & 7, wrong);
	if (d)
		virtio_give_up(&d->dev);
}

void virtio_blk_init(void)
{
	pci_for_each(probe);
}
