/* Disks by virtio (QEMU's virtio-blk-pci): /dev/vda, /dev/vdb, ... */
#ifndef KERNEL_DEV_VIRTIO_BLK_H
#define KERNEL_DEV_VIRTIO_BLK_H

/* Finds and registers them. Boot only. */
void virtio_blk_init(void);

#endif
