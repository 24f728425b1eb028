/*
 * The first page of a swap area as mkswap writes it, version 1. All numbers little-endian.
 */
#ifndef MM_RECLAIM_SWAP_HEADER_H
#define MM_RECLAIM_SWAP_HEADER_H

#include <arch/layout.h>
#include <arch/types.h>

#define SWAP_MAGIC	"SWAPSPACE2"
#define SWAP_VERSION	1
#define SWAP_BAD_MAX	637		/* bad pages that the header has room for */

struct swap_header {
	uint8_t boot[1024];		/* a boot loader's */
	uint32_t version;
	uint32_t last_page;		/* of the area: it has pages 1 .. last_page for slots */
	uint32_t nr_badpages;
	uint8_t uuid[16];
	uint8_t label[16];
	uint32_t unused[117];
	uint32_t badpages[SWAP_BAD_MAX];
	uint8_t unused2[2];
	char magic[10];			/* no NUL */
} __attribute__((packed));
_Static_assert(sizeof(struct swap_header) == PAGE_SIZE, "mkswap's header is a page");

#endif
