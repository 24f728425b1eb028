/*
 * PCI: finding functions, their capabilities, BARs and MSI-X (PCI Local Bus 3.0, chapter 6).
 * Addresses are as firmware has set them. Buses behind bridges are followed from bus 0 on.
 */
#include <kernel/dev/pci.h>
#include <arch/machine.h>
#include <linux/pci_regs.h>
#include <mm/mm.h>

#define FUNCTIONS	8u
#define DEVICES		32u
#define BUSES		256u
#define NOBODY		0xffffu
#define BARS		6u
#define CAPABILITIES	48u		/* that the configuration space has room for */
#define BAR_HIGH	4u		/* of a 64-bit one: the next register */

uint32_t pci_read(unsigned function, unsigned reg, unsigned size)
{
	uint32_t v = arch_pci_read(function, reg) >> (reg & 3) * 8;

	return size == 4 ? v : v & ((1u << size * 8) - 1);
}

/* ---- finding ---- */

/* Whether the device of function 0 has others; they are looked at if so. */
static bool is_multi(unsigned function)
{
	return pci_read(function, PCI_HEADER_TYPE, 1) & 0x80;
}

static bool is_bridge(unsigned function)
{
	return (pci_read(function, PCI_HEADER_TYPE, 1) & 0x7f) == PCI_HEADER_TYPE_BRIDGE;
}

/* True: function is there. The bus behind a bridge is noted in todo. */
static bool visit(unsigned function, void (*fn)(unsigned, struct pci_id), bool *todo)
{
	struct pci_id id = { (uint16_t)pci_read(function, PCI_VENDOR_ID, 2),
			     (uint16_t)pci_read(function, PCI_DEVICE_ID, 2) };

	if (id.vendor == NOBODY)
		return false;
	if (is_bridge(function))
		todo[pci_read(function, PCI_SECONDARY_BUS, 1)] = true;
	fn(function, id);
	return true;
}

/* A bridge leads to a bus of a higher number, where firmware has done its work: each bus is seen once. */
void pci_for_each(void (*fn)(unsigned function, struct pci_id id))
{
	bool todo[BUSES] = { [0] = true };

	for (unsigned bus = 0; bus < BUSES; bus++)
		for (unsigned d = 0; todo[bus] && d < DEVICES; d++) {
			unsigned first = bus << 8 | d * FUNCTIONS;

			if (!visit(first, fn, todo) || !is_multi(first))
				continue;
			for (unsigned f = 1; f < FUNCTIONS; f++)
				visit(first | f, fn, todo);
		}
}

/* ---- one function ---- */

unsigned pci_capability(unsigned function, unsigned id, unsigned after)
{
	unsigned at;

	if (!(pci_read(function, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST))
		return 0;
	at = pci_read(function, after ? after + PCI_CAP_LIST_NEXT : PCI_CAPABILITY_LIST, 1) & ~3u;
	for (unsigned i = 0; at && i < CAPABILITIES; i++) {
		if (pci_read(function, at + PCI_CAP_LIST_ID, 1) == id)
			return at;
		at = pci_read(function, at + PCI_CAP_LIST_NEXT, 1) & ~3u;
	}
	return 0;
}

/* The upper half of the register is the status, where ones clear: zeros are written. */
void pci_enable(unsigned function)
{
	uint32_t command = pci_read(function, PCI_COMMAND, 2);

	arch_pci_write(function, PCI_COMMAND, command | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
		       PCI_COMMAND_INTX_DISABLE);
}

volatile void *pci_map(unsigned function, unsigned bar, uint64_t off, size_t len)
{
	unsigned reg = PCI_BASE_ADDRESS_0 + bar * 4;
	uint32_t low;
	uint64_t at;

	if (bar >= BARS)
		return NULL;
	low = pci_read(function, reg, 4);
	if (low & PCI_BASE_ADDRESS_SPACE_IO)
		return NULL;
	at = low & (uint32_t)PCI_BASE_ADDRESS_MEM_MASK;
	if ((low & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64 && bar + 1 < BARS)
		at |= (uint64_t)pci_read(function, reg + BAR_HIGH, 4) << 32;
	return at ? kmap_mmio(paddr(at + off), len) : NULL;
}

bool pci_interrupt(unsigned function, void (*fn)(void *), void *arg)
{
	unsigned cap = pci_capability(function, PCI_CAP_ID_MSIX, 0);
	volatile uint32_t *entry;
	struct arch_msi msi;
	uint32_t table;

	if (!cap)
		return false;
	table = pci_read(function, cap + PCI_MSIX_TABLE, 4);
	entry = pci_map(function, table & PCI_MSIX_TABLE_BIR, table & PCI_MSIX_TABLE_OFFSET,
			PCI_MSIX_ENTRY_SIZE);
	if (!entry || !arch_msi_register(fn, arg, &msi))
		return false;
	entry[PCI_MSIX_ENTRY_LOWER_ADDR / 4] = (uint32_t)msi.address;
	entry[PCI_MSIX_ENTRY_UPPER_ADDR / 4] = (uint32_t)(msi.address >> 32);
	entry[PCI_MSIX_ENTRY_DATA / 4] = msi.data;
	entry[PCI_MSIX_ENTRY_VECTOR_CTRL / 4] = 0;
	arch_pci_write(function, cap, (uint32_t)PCI_MSIX_FLAGS_ENABLE << 16);
	return true;
}
