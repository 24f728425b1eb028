/*
 * PCI: the devices that firmware has set up. A function is known by a number, bus << 8 |
 * device << 3 | function. Boot only, all of it.
 */
#ifndef KERNEL_DEV_PCI_H
#define KERNEL_DEV_PCI_H

#include <arch/types.h>

struct pci_id { uint16_t vendor, device; };

/* Calls fn for each function there is, bus by bus. */
void pci_for_each(void (*fn)(unsigned function, struct pci_id id));
/* size 1, 2 or 4, reg aligned to it. */
uint32_t pci_read(unsigned function, unsigned reg, unsigned size);
/* Where the capability `id` after `after` (0: the first) begins; 0: there is none. */
unsigned pci_capability(unsigned function, unsigned id, unsigned after);
/* The function answers to memory accesses, and may access memory itself; its interrupt line is off. */
void pci_enable(unsigned function);
/* Bytes [off, off + len) of BAR `bar`, mapped; NULL: it is no memory, or firmware gave it no place. */
volatile void *pci_map(unsigned function, unsigned bar, uint64_t off, size_t len);
/*
 * Interrupt 0 of the function's MSI-X table calls fn(arg), on the boot CPU with
 * interrupts off; the others stay masked. False: it has no MSI-X, or no vector is free.
 */
bool __must_check pci_interrupt(unsigned function, void (*fn)(void *), void *arg);

#endif
