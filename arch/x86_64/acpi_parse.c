/*
 * RSDP -> XSDT or RSDT -> MADT and FADT.
 *
 * Everything read is suspect: a table counts only if its length lies within
 * its bounds and its bytes sum to 0; an entry only if it lies within its
 * table and is as long as its type demands. Nothing is followed twice, and
 * the work is bounded by ROOT_ENTRIES_MAX tables of TABLE_MAX bytes.
 *
 * Fields are read one by one at their offsets (they are not aligned).
 * ACPI specification 6.4, 5.2.5 (RSDP), 5.2.6 (header), 5.2.9 (FADT),
 * 5.2.12 (MADT).
 */
#include <arch/x86_64/acpi_parse.h>

#include <lib/string.h>
#include <linux/errno.h>

#define HEADER_SIZE		36
#define TABLE_MAX		(256u << 10)
#define ROOT_ENTRIES_MAX	256u
#define RSDP_V1_SIZE		20u
#define RSDP_V2_SIZE		36u
#define FADT_DSDT		40u
#define FADT_SMI_PORT		48u
#define FADT_ENABLE		52u
#define FADT_CONTROL_A		64u
#define FADT_CONTROL_B		68u
#define FADT_CENTURY		108u
#define CMOS_SIZE		128u

#define BDA_EBDA_SEGMENT	0x40e
#define BIOS_ROM		0xe0000
#define BIOS_ROM_END		0x100000

/* Types of MADT entries. */
#define MADT_LAPIC		0
#define MADT_IOAPIC		1
#define MADT_OVERRIDE		2
#define MADT_LAPIC_ADDR		5
#define MADT_X2APIC		9
#define MADT_ENTRY_MAX		16	/* of the types above */
#define MADT_CPU_ENABLED	1u

struct walk {
	const struct acpi_reader *rd;
	struct acpi_tables *t;
};

static uint16_t le16(const uint8_t *p) { return p[0] | p[1] << 8; }
static uint32_t le32(const uint8_t *p) { return le16(p) | (uint32_t)le16(p + 2) << 16; }
static uint64_t le64(const uint8_t *p) { return le32(p) | (uint64_t)le32(p + 4) << 32; }

static bool read_at(const struct walk *w, uint64_t pa, void *buf, size_t n)
{
	return pa + n > pa && w->rd->read(w->rd->ctx, pa, buf, n);
}

static void complain(const struct walk *w, const char *what)
{
	if (!w->t->complaint)
		w->t->complaint = what;
}

/* The low byte of the sum of n bytes; 1, which is never right, if they cannot be read. */
static uint8_t sum_at(const struct walk *w, uint64_t pa, uint32_t n)
{
	uint8_t buf[64], sum = 0;

	while (n) {
		uint32_t part = MIN(n, (uint32_t)sizeof(buf));

		if (!read_at(w, pa, buf, part))
			return 1;
		for (uint32_t i = 0; i < part; i++)
			sum += buf[i];
		pa += part;
		n -= part;
	}
	return sum;
}

/* The length of the table at pa if it is one of that name and sound, else 0. */
static uint32_t table_length(const struct walk *w, uint64_t pa, const char *name)
{
	uint8_t h[HEADER_SIZE];
	uint32_t len;

	if (!pa || !read_at(w, pa, h, sizeof(h)) || memcmp(h, name, 4) != 0)
		return 0;
	len = le32(h + 4);
	if (len < HEADER_SIZE || len > TABLE_MAX) {
		complain(w, "a table's length is out of bounds");
		return 0;
	}
	if (sum_at(w, pa, len) != 0) {
		complain(w, "a table's checksum is wrong");
		return 0;
	}
	return len;
}

/* -- MADT -- */

void acpi_madt_defaults(struct acpi_madt_info *m)
{
	memset(m, 0, sizeof(*m));
	m->ncpus = 1;
	m->lapic = paddr(0xfee00000);
	m->ioapic = paddr(0xfec00000);
	for (unsigned i = 0; i < ARRAY_SIZE(m->isa); i++)
		m->isa[i].gsi = i;
}

static void madt_add_cpu(struct acpi_madt_info *m, uint32_t id, uint32_t flags)
{
	if (!(flags & MADT_CPU_ENABLED) || m->ncpus == ARRAY_SIZE(m->apic_id))
		return;
	for (unsigned i = 0; i < m->ncpus; i++)
		if (m->apic_id[i] == id)
			return;
	m->apic_id[m->ncpus++] = id;
}

/* They lie at multiples of 1 KB. Of several, the one with the lowest base serves the ISA lines. */
static void madt_add_ioapic(struct acpi_madt_info *m, uint32_t pa, uint32_t base, bool *seen)
{
	if (!pa || !IS_ALIGNED(pa, 1024u) || (*seen && base >= m->ioapic_gsi_base))
		return;
	*seen = true;
	m->ioapic = paddr(pa);
	m->ioapic_gsi_base = base;
}

static void madt_add_override(struct acpi_madt_info *m, uint8_t bus, uint8_t irq, uint32_t gsi,
			      uint16_t flags)
{
	if (bus != 0 || irq >= ARRAY_SIZE(m->isa))
		return;
	m->isa[irq].gsi = gsi;
	m->isa[irq].flags = flags;
}

/* The length that a type must have at least; 0: a type that is passed over. */
static uint8_t madt_entry_size(uint8_t type)
{
	switch (type) {
	case MADT_LAPIC:	return 8;
	case MADT_IOAPIC:	return 12;
	case MADT_OVERRIDE:	return 10;
	case MADT_LAPIC_ADDR:	return 12;
	case MADT_X2APIC:	return 16;
	default:		return 0;
	}
}

static void madt_entry(struct acpi_madt_info *m, const uint8_t *e, bool *ioapic_seen)
{
	switch (e[0]) {
	case MADT_LAPIC:
		if (e[3] != 0xff)
			madt_add_cpu(m, e[3], le32(e + 4));
		break;
	case MADT_IOAPIC:
		madt_add_ioapic(m, le32(e + 4), le32(e + 8), ioapic_seen);
		break;
	case MADT_OVERRIDE:
		madt_add_override(m, e[2], e[3], le32(e + 4), le16(e + 8));
		break;
	case MADT_LAPIC_ADDR:
		m->lapic = paddr(le64(e + 4));
		break;
	case MADT_X2APIC:
		if (le32(e + 4) != 0xffffffff)
			madt_add_cpu(m, le32(e + 4), le32(e + 8));
		break;
	}
}

/* Fills *m from the table's entries; false if it lists no CPU. */
static bool madt_read(const struct walk *w, uint64_t pa, uint32_t len, struct acpi_madt_info *m)
{
	bool ioapic_seen = false;
	uint8_t e[MADT_ENTRY_MAX];
	uint32_t at = HEADER_SIZE + 8;

	acpi_madt_defaults(m);
	m->ncpus = 0;
	if (len < at || !read_at(w, pa + HEADER_SIZE, e, 4))
		return false;
	m->lapic = paddr(le32(e));
	while (len - at >= 2) {
		if (!read_at(w, pa + at, e, 2))
			return false;
		if (e[1] < 2 || e[1] > len - at) {
			complain(w, "an entry of the MADT leaves its table");
			break;
		}
		if (madt_entry_size(e[0]) && e[1] >= madt_entry_size(e[0])) {
			if (!read_at(w, pa + at, e, madt_entry_size(e[0])))
				return false;
			madt_entry(m, e, &ioapic_seen);
		}
		at += e[1];
	}
	m->found = m->ncpus > 0;
	return m->found;
}

/* -- the tables that lead there -- */

static void madt_try(const struct walk *w, uint64_t pa, struct acpi_madt_info *m)
{
	uint32_t len = w->t->madt ? 0 : table_length(w, pa, "APIC");

	if (len && madt_read(w, pa, len, m))
		w->t->madt = pa;
	else if (len)
		complain(w, "the MADT lists no CPU");
}

static void fadt_try(const struct walk *w, uint64_t pa)
{
	uint32_t len = w->t->fadt ? 0 : table_length(w, pa, "FACP");
	uint8_t century;

	if (!len)
		return;
	w->t->fadt = pa;
	if (len > FADT_CENTURY && read_at(w, pa + FADT_CENTURY, &century, 1) && century < CMOS_SIZE)
		w->t->century = century;
}

/* Visits the tables that an XSDT (8-byte entries) or RSDT (4-byte) lists. False: no such table. */
static bool root_walk(const struct walk *w, uint64_t pa, bool xsdt, struct acpi_madt_info *m)
{
	uint32_t len = table_length(w, pa, xsdt ? "XSDT" : "RSDT");
	uint32_t size = xsdt ? 8 : 4, n;
	uint8_t e[8];

	if (!len)
		return false;
	n = MIN((len - HEADER_SIZE) / size, ROOT_ENTRIES_MAX);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t to;

		if (!read_at(w, pa + HEADER_SIZE + (uint64_t)i * size, e, size))
			break;
		to = xsdt ? le64(e) : le32(e);
		madt_try(w, to, m);
		fadt_try(w, to);
	}
	if (w->t->madt)
		w->t->root = pa;
	return w->t->madt != 0;
}

/* The pointers of a sound RSDP at pa: false if there is none. */
static bool rsdp_read(const struct walk *w, uint64_t pa, uint64_t *rsdt, uint64_t *xsdt)
{
	uint8_t r[RSDP_V2_SIZE];

	if (!read_at(w, pa, r, RSDP_V1_SIZE) || memcmp(r, "RSD PTR ", 8) != 0 ||
	    sum_at(w, pa, RSDP_V1_SIZE) != 0)
		return false;
	w->t->revision = r[15];
	*rsdt = le32(r + 16);
	*xsdt = 0;
	if (r[15] < 2)
		return true;
	if (read_at(w, pa, r, RSDP_V2_SIZE) && le32(r + 20) >= RSDP_V2_SIZE &&
	    le32(r + 20) <= PAGE_SIZE && sum_at(w, pa, le32(r + 20)) == 0)
		*xsdt = le64(r + 24);
	else
		complain(w, "the RSDP's extended checksum is wrong");
	return true;
}

static uint64_t rsdp_search(const struct walk *w, uint64_t start, uint64_t end)
{
	uint64_t rsdt, xsdt;

	for (uint64_t pa = start; pa < end; pa += 16)
		if (rsdp_read(w, pa, &rsdt, &xsdt))
			return pa;
	return 0;
}

static uint64_t rsdp_find(const struct walk *w, uint64_t hint)
{
	uint64_t rsdt, xsdt, ebda, pa = 0;
	uint8_t seg[2];

	if (hint) {
		if (rsdp_read(w, hint, &rsdt, &xsdt))
			return hint;
		complain(w, "no RSDP where the boot loader says");
	}
	if (read_at(w, BDA_EBDA_SEGMENT, seg, 2)) {
		ebda = (uint64_t)le16(seg) << 4;
		if (ebda >= 0x400 && ebda < 0xa0000)
			pa = rsdp_search(w, ebda, ebda + 1024);
	}
	return pa ? pa : rsdp_search(w, BIOS_ROM, BIOS_ROM_END);
}

int acpi_parse(const struct acpi_reader *rd, uint64_t rsdp, struct acpi_madt_info *m,
	       struct acpi_tables *t)
{
	const struct walk w = { rd, t };
	uint64_t rsdt, xsdt;

	memset(t, 0, sizeof(*t));
	t->rsdp = rsdp_find(&w, rsdp);
	if (t->rsdp && rsdp_read(&w, t->rsdp, &rsdt, &xsdt) &&
	    ((xsdt && root_walk(&w, xsdt, true, m)) || root_walk(&w, rsdt, false, m)))
		return 0;
	acpi_madt_defaults(m);
	return t->rsdp ? -EINVAL : -ENOENT;
}

/* -- power -- */

#define S5_SPAN		14u	/* name, PackageOp, length of 4 bytes, count, two numbers of 2 */
#define AML_ZERO	0x00
#define AML_ONE		0x01
#define AML_BYTE	0x0a	/* a byte follows */
#define AML_PACKAGE	0x12

/* A number below 8, as AML writes it; *at moves behind it. */
static bool aml_small(const uint8_t **at, uint8_t *v)
{
	const uint8_t *p = *at;

	*v = p[0] == AML_BYTE ? p[1] : p[0];
	*at = p + (p[0] == AML_BYTE ? 2 : 1);
	return (p[0] == AML_BYTE || p[0] == AML_ZERO || p[0] == AML_ONE) && *v < 8;
}

/* Name (_S5, Package () { a, b, ... }), from its name on: S5_SPAN bytes. */
static bool s5_read(const uint8_t *at, struct acpi_power *p)
{
	if (memcmp(at, "_S5_", 4) != 0 || at[4] != AML_PACKAGE)
		return false;
	at += 5;
	at += 1 + (at[0] >> 6) + 1;
	return aml_small(&at, &p->type[0]) && aml_small(&at, &p->type[1]);
}

/* The package is named where the DSDT's bytes say so: AML need not be run to find it. */
static bool s5_find(const struct walk *w, uint64_t dsdt, struct acpi_power *p)
{
	uint32_t len = table_length(w, dsdt, "DSDT"), n;
	uint8_t buf[128];

	for (uint32_t at = HEADER_SIZE; at + S5_SPAN <= len; at += n - S5_SPAN + 1) {
		n = MIN(len - at, (uint32_t)sizeof(buf));
		if (!read_at(w, dsdt + at, buf, n))
			return false;
		for (uint32_t i = 0; i + S5_SPAN <= n; i++)
			if (s5_read(buf + i, p))
				return true;
	}
	return false;
}

bool acpi_parse_power(const struct acpi_reader *rd, uint64_t fadt, struct acpi_power *p)
{
	struct acpi_tables t = { 0 };
	const struct walk w = { rd, &t };
	uint8_t f[FADT_CONTROL_B + 4];

	memset(p, 0, sizeof(*p));
	if (table_length(&w, fadt, "FACP") < sizeof(f) || !read_at(&w, fadt, f, sizeof(f)))
		return false;
	p->control[0] = le16(f + FADT_CONTROL_A);
	p->control[1] = le16(f + FADT_CONTROL_B);
	p->smi_port = le16(f + FADT_SMI_PORT);
	p->enable = f[FADT_ENABLE];
	return p->control[0] && s5_find(&w, le32(f + FADT_DSDT), p);
}
