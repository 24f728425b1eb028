/*
 * ACPI tables of this machine: read through the direct map, handed to the
 * pure parser (acpi_parse.c).
 *
 * Tables lie where the firmware put them, and a broken one points anywhere;
 * the direct map holds only what is RAM. So before each page is read, the
 * page tables in force are asked whether it is mapped: a wild pointer is a
 * table that is not there, not a fault.
 */
#include <arch/x86_64/acpi_parse.h>
#include <arch/x86_64/dev.h>

#include <arch/layout.h>
#include <arch/machine.h>
#include <arch/pte.h>
#include <lib/log.h>
#include <lib/string.h>

struct acpi_madt_info arch_madt;
uint8_t acpi_century_index;
static struct acpi_power power;
static bool power_found;

static bool direct_mapped(uint64_t pa)
{
	vaddr_t va = DIRECT_BASE + pa;
	paddr_t table = paddr(read_cr3() & PTE_ADDR_MASK);

	if (pa >= DIRECT_SIZE)
		return false;
	for (unsigned level = arch_levels; level; level--) {
		const pte_t *slots = phys_to_virt(table);
		pte_t e = pte_read(&slots[LEVEL_INDEX(va, level)]);

		if (!pte_present(e))
			return false;
		if (pte_kind(e, level) != PTE_TABLE)
			return true;
		table = pfn_to_paddr(pte_pfn(e));
	}
	return true;
}

static bool read_direct(void *ctx, uint64_t pa, void *buf, size_t n)
{
	(void)ctx;
	for (uint64_t page = ALIGN_DOWN(pa, PAGE_SIZE); page < pa + n; page += PAGE_SIZE)
		if (!direct_mapped(page))
			return false;
	memcpy(buf, phys_to_virt(paddr(pa)), n);
	return true;
}

void arch_acpi_init(paddr_t rsdp)
{
	static const struct acpi_reader reader = { .read = read_direct };
	struct acpi_tables t;
	int err = acpi_parse(&reader, rsdp.v, &arch_madt, &t);

	if (t.complaint)
		log_warn("acpi: %s", t.complaint);
	acpi_century_index = t.century;
	power_found = acpi_parse_power(&reader, t.fadt, &power);
	if (err) {
		log_warn("acpi: no list of CPUs (%s): one CPU, the PC's usual interrupt lines",
			 t.rsdp ? "no sound MADT" : "no RSDP");
		return;
	}
	log_info("acpi: RSDP %#lx (revision %u), MADT %#lx: %u CPU%s, LAPIC %#lx, IOAPIC %#lx",
		 t.rsdp, t.revision, t.madt, arch_madt.ncpus, arch_madt.ncpus == 1 ? "" : "s",
		 arch_madt.lapic.v, arch_madt.ioapic.v);
}

#define PM1_ENABLED	(1u << 0)	/* SCI_EN: the firmware has given power control up */
#define PM1_TYPE	10
#define PM1_SLEEP	(1u << 13)
#define ENABLE_POLLS	300000		/* the firmware may take a while: at least some 0.3 s */

static void power_enable(void)
{
	if (inw(power.control[0]) & PM1_ENABLED || !power.smi_port)
		return;
	outb(power.smi_port, power.enable);
	for (unsigned i = 0; i < ENABLE_POLLS && !(inw(power.control[0]) & PM1_ENABLED); i++)
		;
}

void acpi_power_off(void)
{
	if (!power_found)
		return;
	power_enable();
	for (unsigned i = 0; i < 2; i++)
		if (power.control[i])
			outw(power.control[i], (uint16_t)(power.type[i] << PM1_TYPE | PM1_SLEEP));
}
