/*
 * QEMU's fw_cfg device: named blobs behind two ports. The blob
 * opt/quire/cmdline is more command line, so that an ISO need not be made
 * anew for other options. On a machine without the device the ports read as
 * something else than its signature.
 *
 * QEMU's docs/specs/fw_cfg.
 */
#include <boot/boot.h>
#include <arch/x86_64/x86.h>
#include <lib/string.h>

#define FW_CFG_SELECT	0x510
#define FW_CFG_DATA	0x511
#define KEY_SIGNATURE	0x0000
#define KEY_DIRECTORY	0x0019
#define FILES_MAX	1024

struct fw_cfg_file {
	uint8_t size[4], select[2], reserved[2];	/* big-endian */
	char name[56];
};

/* The next n bytes of the selected blob; past its end they read as 0. */
static void fw_cfg_bytes(void *buf, size_t n)
{
	for (uint8_t *p = buf; n; n--)
		*p++ = inb(FW_CFG_DATA);
}

static uint32_t big_endian(const uint8_t *p, unsigned n)
{
	uint32_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

static bool fw_cfg_present(void)
{
	char sig[4];

	outw(FW_CFG_SELECT, KEY_SIGNATURE);
	fw_cfg_bytes(sig, sizeof(sig));
	return memcmp(sig, "QEMU", 4) == 0;
}

/* Selects the file of that name; its size, or 0 if there is none. */
static uint32_t fw_cfg_open(const char *name)
{
	struct fw_cfg_file f;
	uint8_t count[4];
	uint32_t n;

	outw(FW_CFG_SELECT, KEY_DIRECTORY);
	fw_cfg_bytes(count, sizeof(count));
	n = MIN(big_endian(count, 4), (uint32_t)FILES_MAX);
	while (n--) {
		fw_cfg_bytes(&f, sizeof(f));
		if (strncmp(f.name, name, sizeof(f.name)) == 0) {
			outw(FW_CFG_SELECT, (uint16_t)big_endian(f.select, 2));
			return big_endian(f.size, 4);
		}
	}
	return 0;
}

void fw_cfg_read(struct bootinfo *bi)
{
	static char line[BOOT_CMDLINE_MAX];
	uint32_t size;

	if (!fw_cfg_present())
		return;
	size = fw_cfg_open("opt/quire/cmdline");
	fw_cfg_bytes(line, MIN(size, sizeof(line)));
	boot_cmdline_add(bi, line, MIN(size, sizeof(line)));
	if (size > sizeof(line))
		bi->cmdline_cut = true;
}
