/*
 * virtio over PCI; see virtio.h. The order of the steps of setting up is that of
 * section 3.1.1: reset, ACKNOWLEDGE, DRIVER, features, FEATURES_OK, queues, DRIVER_OK.
 *
 * Memory order: x86 keeps stores in order, and loads in order, so only the compiler
 * is told; a full fence stands where a store must be seen before a load of the other side.
 */
#include <kernel/dev/virtio.h>
#include <arch/cpu.h>
#include <arch/layout.h>
#include <kernel/dev/pci.h>
#include <linux/pci_regs.h>
#include <mm/mm.h>

#define RESET_TRIES	100000u
#define QUEUE_MAX	256u		/* descriptors: they fill a page */
#define USED_AT		1024u		/* the used ring, in the page that the other ring begins */
#define NO_VECTOR	0xffffu

_Static_assert(QUEUE_MAX * sizeof(struct vring_desc) == PAGE_SIZE, "descriptors are a page");
_Static_assert(sizeof(struct vring_avail) + (QUEUE_MAX + 1) * sizeof(uint16_t) <= USED_AT &&
	       USED_AT + sizeof(struct vring_used) + QUEUE_MAX * sizeof(struct vring_used_elem) +
	       sizeof(uint16_t) <= PAGE_SIZE, "both rings are a page");

/* ---- setting up ---- */

/* Maps the part of that type; its length in *len, where the capability is in *cap. */
static volatile void *find_part(unsigned function, unsigned type, size_t min, size_t *len, unsigned *cap)
{
	unsigned at = 0;

	while ((at = pci_capability(function, PCI_CAP_ID_VNDR, at))) {
		uint32_t bytes = pci_read(function, at + VIRTIO_PCI_CAP_LENGTH, 4);

		if (pci_read(function, at + VIRTIO_PCI_CAP_CFG_TYPE, 1) != type || bytes < min)
			continue;
		*len = bytes;
		*cap = at;
		return pci_map(function, pci_read(function, at + VIRTIO_PCI_CAP_BAR, 1),
			       pci_read(function, at + VIRTIO_PCI_CAP_OFFSET, 4), bytes);
	}
	return NULL;
}

static bool reset(struct virtio_dev *v)
{
	v->common->device_status = 0;
	for (unsigned i = 0; i < RESET_TRIES; i++) {
		if (v->common->device_status == 0)
			return true;
		cpu_relax();
	}
	return false;
}

static void add_status(struct virtio_dev *v, uint8_t bits)
{
	v->common->device_status |= bits;
}

const char *virtio_begin(struct virtio_dev *v, unsigned function)
{
	unsigned cap;
	size_t len;

	v->function = function;
	pci_enable(function);
	v->common = find_part(function, VIRTIO_PCI_CAP_COMMON_CFG, sizeof(*v->common), &len, &cap);
	v->config = find_part(function, VIRTIO_PCI_CAP_DEVICE_CFG, 1, &v->config_len, &cap);
	v->notify = find_part(function, VIRTIO_PCI_CAP_NOTIFY_CFG, sizeof(uint16_t), &len, &cap);
	if (!v->common || !v->config || !v->notify)
		return "it has not the interface of virtio 1.0 (QEMU: disable-modern=off)";
	v->notify_step = pci_read(function, cap + VIRTIO_PCI_NOTIFY_CAP_MULT, 4);
	if (!reset(v))
		return "it does not come out of its reset";
	add_status(v, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	add_status(v, VIRTIO_CONFIG_S_DRIVER);
	return NULL;
}

const char *virtio_agree(struct virtio_dev *v, uint64_t want, uint64_t *got)
{
	uint64_t offered = 0;

	for (unsigned half = 0; half < 2; half++) {
		v->common->device_feature_select = half;
		offered |= (uint64_t)v->common->device_feature << half * 32;
	}
	*got = offered & want;
	if (!(*got & VIRTIO_BIT(VIRTIO_F_VERSION_1)))
		return "it is older than virtio 1.0";
	for (unsigned half = 0; half < 2; half++) {
		v->common->guest_feature_select = half;
		v->common->guest_feature = (uint32_t)(*got >> half * 32);
	}
	add_status(v, VIRTIO_CONFIG_S_FEATURES_OK);
	if (!(v->common->device_status & VIRTIO_CONFIG_S_FEATURES_OK))
		return "it wants a feature that this kernel has not";
	return NULL;
}

static bool make_rings(struct virtq *q)
{
	struct page *desc = page_alloc(0, PAGE_KERNEL, ALLOC_ZERO);
	struct page *rings = page_alloc(0, PAGE_KERNEL, ALLOC_ZERO);

	if (desc && rings) {
		q->desc = page_to_virt(desc);
		q->avail = page_to_virt(rings);
		q->used = (void *)((char *)page_to_virt(rings) + USED_AT);
		return true;
	}
	if (desc)
		page_free(desc, 0);
	if (rings)
		page_free(rings, 0);
	return false;
}

static void set_address(volatile uint32_t *low, volatile uint32_t *high, const void *p)
{
	uint64_t pa = virt_to_phys(p).v;

	*low = (uint32_t)pa;
	*high = (uint32_t)(pa >> 32);
}

const char *virtio_queue(struct virtio_dev *v, uint16_t index, unsigned max, void (*fn)(void *),
			 void *arg, struct virtq *q)
{
	volatile struct virtio_pci_common_cfg *c = v->common;

	c->queue_select = index;
	q->size = MIN(MIN(c->queue_size, max), QUEUE_MAX);
	if (!q->size || q->size & (q->size - 1))
		return "it has no such queue";
	if (!make_rings(q))
		return "there is no memory for its queue";
	if (!pci_interrupt(v->function, fn, arg))
		return "it has no interrupts by MSI-X";
	c->msix_config = NO_VECTOR;
	c->queue_msix_vector = 0;
	if (c->queue_msix_vector != 0)
		return "it cannot have an interrupt";
	c->queue_size = (uint16_t)q->size;
	set_address(&c->queue_desc_lo, &c->queue_desc_hi, q->desc);
	set_address(&c->queue_avail_lo, &c->queue_avail_hi, q->avail);
	set_address(&c->queue_used_lo, &c->queue_used_hi, q->used);
	q->doorbell = (volatile uint16_t *)(v->notify + (size_t)c->queue_notify_off * v->notify_step);
	q->index = index;
	q->offered = q->taken = 0;
	c->queue_enable = 1;
	return NULL;
}

void virtio_start(struct virtio_dev *v)
{
	add_status(v, VIRTIO_CONFIG_S_DRIVER_OK);
}

void virtio_give_up(struct virtio_dev *v)
{
	if (v->common)
		add_status(v, VIRTIO_CONFIG_S_FAILED);
}

uint8_t virtio_status(const struct virtio_dev *v)
{
	return v->common->device_status;
}

/* ---- the queue ---- */

void virtq_offer(struct virtq *q, uint16_t head)
{
	q->avail->ring[q->offered % q->size] = head;
	__atomic_store_n(&q->avail->idx, ++q->offered, __ATOMIC_RELEASE);
}

void virtq_ring(struct virtq *q)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(READ_ONCE(q->used->flags) & VRING_USED_F_NO_NOTIFY))
		*q->doorbell = q->index;
}

bool virtq_take(struct virtq *q, uint32_t *head)
{
	if (__atomic_load_n(&q->used->idx, __ATOMIC_ACQUIRE) == q->taken)
		return false;
	*head = q->used->ring[q->taken++ % q->size].id;
	return true;
}
