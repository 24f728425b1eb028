/*
 * The multiboot2 door: a list of tags, each with type and size, in memory
 * below 4 GB. Every tag must lie inside the list and be as long as what is
 * read of it; the list ends at its end tag or at its total size.
 *
 * Multiboot2 specification 2.0, 3.6.
 */
#include <boot/boot.h>
#include <arch/layout.h>
#include <lib/format.h>
#include <lib/string.h>

#define INFO_MAX	(1u << 20)

enum { TAG_END = 0, TAG_CMDLINE = 1, TAG_LOADER = 2, TAG_MODULE = 3, TAG_MMAP = 6,
       TAG_RSDP_1 = 14, TAG_RSDP_2 = 15 };

struct mb2_tag { uint32_t type, size; };
struct mb2_module { struct mb2_tag tag; uint32_t start, end; };
struct mb2_mmap { struct mb2_tag tag; uint32_t entry_size, entry_version; };
struct mb2_mmap_entry { uint64_t addr, len; uint32_t type, reserved; };

/* The loader gives copies of the RSDP, in its own memory: kept here. */
static uint8_t rsdp_copy[64] __attribute__((aligned(16)));
static unsigned rsdp_version;
static char loader_name[80];

static void read_mmap(const struct mb2_mmap *m)
{
	const char *p = (const char *)(m + 1), *end = (const char *)m + m->tag.size;

	if (m->entry_size < sizeof(struct mb2_mmap_entry))
		return;
	for (; (size_t)(end - p) >= m->entry_size; p += m->entry_size) {
		struct mb2_mmap_entry e;

		memcpy(&e, p, sizeof(e));
		ranges_add(e.addr, e.len, e.type);
	}
}

static void read_rsdp(struct bootinfo *bi, const struct mb2_tag *tag, unsigned version)
{
	size_t n = tag->size - sizeof(*tag);

	if (version < rsdp_version || n > sizeof(rsdp_copy))
		return;
	memcpy(rsdp_copy, tag + 1, n);
	rsdp_version = version;
	bi->rsdp = (uintptr_t)rsdp_copy - KERNEL_BASE;
}

static void read_module(struct bootinfo *bi, const struct mb2_module *m)
{
	if (bi->initrd_end || m->start >= m->end)
		return;
	bi->initrd_start = m->start;
	bi->initrd_end = m->end;
}

/* tag->size is at least that of the tag's head, and all of it is there. */
static void read_tag(struct bootinfo *bi, const struct mb2_tag *tag)
{
	const char *text = (const char *)(tag + 1);
	size_t n = tag->size - sizeof(*tag);

	switch (tag->type) {
	case TAG_CMDLINE:
		boot_cmdline_add(bi, text, n);
		break;
	case TAG_LOADER:
		snprintf(loader_name, sizeof(loader_name), "multiboot2: %.*s",
			 (int)strnlen(text, MIN(n, 60)), text);
		break;
	case TAG_MODULE:
		if (tag->size >= sizeof(struct mb2_module))
			read_module(bi, (const struct mb2_module *)tag);
		break;
	case TAG_MMAP:
		if (tag->size >= sizeof(struct mb2_mmap))
			read_mmap((const struct mb2_mmap *)tag);
		break;
	case TAG_RSDP_1:
	case TAG_RSDP_2:
		read_rsdp(bi, tag, tag->type);
		break;
	}
}

bool multiboot2_read(struct bootinfo *bi, uint32_t info)
{
	const uint32_t *head = boot_ptr(info, 8);
	const char *p, *end;

	if (!head || info % 8 || *head < 8 || *head > INFO_MAX || !boot_ptr(info, *head))
		return false;
	bi->loader = "multiboot2";
	p = (const char *)head + 8;
	end = (const char *)head + *head;
	while ((size_t)(end - p) >= sizeof(struct mb2_tag)) {
		const struct mb2_tag *tag = (const struct mb2_tag *)p;
		size_t left = (size_t)(end - p);

		if (tag->type == TAG_END || tag->size < sizeof(*tag) || tag->size > left)
			break;
		read_tag(bi, tag);
		p += MIN(ALIGN_UP((size_t)tag->size, 8), left);
	}
	if (loader_name[0])
		bi->loader = loader_name;
	return true;
}
