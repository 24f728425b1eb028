/*
 * Option swap=, a list by commas:
 *
 *	SIZE	so much RAM is set aside as /dev/ram0, made a swap area and enabled
 *	NAME	/dev/NAME is enabled, if it has mkswap's header
 *
 * What cannot be had is named in the log with the reason, and the system goes
 * on without it.
 */
#include <kernel/dev/boot_swap.h>
#include <kernel/dev/block.h>
#include <kernel/dev/ramdisk.h>
#include <lib/format.h>
#include <lib/log.h>
#include <lib/option.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <mm/mm.h>
#include <mm/reclaim/swap_header.h>

#define WORD_MAX	32u
#define KEPT		(16ul << 20)	/* bytes that swap=SIZE leaves for the system */
#define SMALLEST	(64ul << 10)

static const char *swap_list;
option_string(swap, &swap_list,
	      "swap devices, by commas: a size (256M: so much RAM set aside as /dev/ram0), a disk (vda)");

/* Cuts the next word of the list off into word; false: no more. */
static bool next_word(const char **list, char word[WORD_MAX])
{
	size_t n = 0;

	if (!*list || !**list)
		return false;
	for (; **list && **list != ','; ++*list)
		if (n < WORD_MAX - 1)
			word[n++] = **list;
	if (**list)
		++*list;
	word[n] = '\0';
	return true;
}

static void set_aside(const char *word, uint64_t bytes)
{
	uint64_t left = early_left_bytes();

	if (bytes < SMALLEST)
		log_warn("swap=%s: refused: the smallest is %lu KB", word, SMALLEST >> 10);
	else if (bytes > left || left - bytes < KEPT)
		log_warn("swap=%s: refused: of %lu KB of free RAM only %lu KB would be left for the system, "
			 "and it needs %lu KB: give at most swap=%luK, or the machine more memory",
			 word, left >> 10, (left - MIN(left, bytes)) >> 10, KEPT >> 10,
			 (left - MIN(left, KEPT)) >> 10);
	else if (!ramdisk_set_aside(ALIGN_DOWN(bytes, PAGE_SIZE)))
		log_warn("swap=%s: refused: there is a RAM disk already", word);
}

void boot_swap_set_aside(void)
{
	const char *list = swap_list;
	char word[WORD_MAX];
	uint64_t bytes;

	while (next_word(&list, word))
		if (!parse_u64(word, &bytes))
			set_aside(word, bytes);
}

/* ---- the devices are there ---- */

/* What a SIZE has become is a swap area that has never been used. */
static int format(struct block_dev *b)
{
	struct page *p = page_alloc(0, PAGE_KERNEL, ALLOC_ZERO);
	struct swap_header *h;
	int err;

	if (!p)
		return -ENOMEM;
	h = page_to_virt(p);
	h->version = SWAP_VERSION;
	h->last_page = (uint32_t)(b->store.npages - 1);
	memcpy(h->magic, SWAP_MAGIC, sizeof(h->magic));
	err = b->store.ops->write(&b->store, 0, &p, 1);
	page_free(p, 0);
	return err;
}

static const char *reason(int err)
{
	switch (err) {
	case -EINVAL: return "it is no swap area (mkswap makes one)";
	case -EIO: return "it cannot be read";
	case -EBUSY: return "it is in the list twice";
	case -EPERM: return "there are as many swap devices as can be";
	default: return "no memory";
	}
}

static void enable(const char *word)
{
	char path[sizeof("/dev/") + WORD_MAX];
	bool is_size = !parse_u64(word, &(uint64_t){ 0 });
	struct block_dev *b;
	int err;

	snprintf(path, sizeof(path), "/dev/%s", is_size ? "ram0" : word);
	b = block_find(path);
	if (!b) {
		if (!is_size)	/* else it has been refused */
			log_warn("swap=%s: there is no disk %s: a size (64M), or a disk that there is (vda)",
				 word, path);
		return;
	}
	err = is_size ? format(b) : b->read_only ? -EIO : 0;
	if (!err)
		err = swap_on(&b->store, -1);
	if (err)
		log_warn("swap=%s: %s is not enabled: %s", word, path, reason(err));
}

void boot_swap_on(void)
{
	const char *list = swap_list;
	char word[WORD_MAX];

	while (next_word(&list, word))
		enable(word);
}
