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
#include <kernel/dev/ramdisk.h>
#include <lib/format.h>
#include <lib/log.h>
#include <lib/option.h>
#include <lib/string.h>
#include <mm/mm.h>

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
