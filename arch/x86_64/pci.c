/*
 * PCI's configuration space by its two ports (mechanism 1: PCI Local Bus 3.0, 3.2.2.3.2):
 * an address is written to one, the register is at the other. Boot is
 * single-threaded, and afterwards nobody goes there.
 */
#include <arch/machine.h>
#include <arch/x86_64/x86.h>

#define PORT_ADDRESS	0xcf8
#define PORT_DATA	0xcfc
#define ADDRESS_ENABLE	0x80000000u

static void address(unsigned function, unsigned reg)
{
	outl(PORT_ADDRESS, ADDRESS_ENABLE | function << 8 | (reg & 0xfc));
}

uint32_t arch_pci_read(unsigned function, unsigned reg)
{
	address(function, reg);
	return inl(PORT_DATA);
}

void arch_pci_write(unsigned function, unsigned reg, uint32_t v)
{
	address(function, reg);
	outl(PORT_DATA, v);
}
