/*
 * virtio 1.0 devices over PCI: finding their parts, agreeing on features, and a queue of
 * buffers (split ring). OASIS, Virtual I/O Device 1.0, sections 2.4, 3.1 and 4.1.
 *
 * Setting up is for boot. A queue's functions are called under a lock of its owner.
 * What cannot be is said by a text, for the log.
 */
#ifndef KERNEL_DEV_VIRTIO_H
#define KERNEL_DEV_VIRTIO_H

#include <arch/types.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>

#define VIRTIO_VENDOR		0x1af4
#define VIRTIO_DEVICE_MODERN	0x1040	/* plus the kind, VIRTIO_ID_* */
#define VIRTIO_DEVICE_BLOCK	0x1001	/* that has the interface before 1.0 as well */

#define VIRTIO_BIT(n)		(1ul << (n))

struct virtio_dev {
	unsigned function;
	volatile struct virtio_pci_common_cfg *common;
	volatile uint8_t *config;	/* what is of its kind; config_len bytes */
	size_t config_len;
	volatile uint8_t *notify;
	uint32_t notify_step;		/* bytes from one queue's register to the next's */
};

struct virtq {
	unsigned size;			/* descriptors: a power of two */
	struct vring_desc *desc;	/* the owner's to fill in */
	struct vring_avail *avail;
	struct vring_used *used;
	uint16_t offered, taken;	/* so far, modulo 2^16 */
	volatile uint16_t *doorbell;
	uint16_t index;			/* among the device's queues */
};

/* Finds the parts of the device and resets it. NULL: fine; else what is wrong. */
const char *virtio_begin(struct virtio_dev *v, unsigned function);
/* Agrees on those of `want` (VIRTIO_F_VERSION_1 is among them) that it offers: *got. NULL, or what is wrong. */
const char *virtio_agree(struct virtio_dev *v, uint64_t want, uint64_t *got);
/* Queue `index`, of max descriptors at most, whose interrupt calls fn(arg). NULL, or what is wrong. */
const char *virtio_queue(struct virtio_dev *v, uint16_t index, unsigned max, void (*fn)(void *),
			 void *arg, struct virtq *q);
/* The device may work from now on (or not: it is given up). */
void virtio_start(struct virtio_dev *v);
void virtio_give_up(struct virtio_dev *v);
uint8_t virtio_status(const struct virtio_dev *v);

/* Hands the chain that begins at descriptor `head` to the device; then virtq_ring, without a lock if one likes. */
void virtq_offer(struct virtq *q, uint16_t head);
void virtq_ring(struct virtq *q);
/* The head of a chain that the device has done with; false: none so far. */
bool virtq_take(struct virtq *q, uint32_t *head);

#endif
