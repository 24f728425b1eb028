/*
 * Getting memory back: the reclaim thread (kswapd.c) from the low watermark to the
 * high one, and whoever needs a page and gets none, for himself (direct reclaim).
 */
#ifndef MM_RECLAIM_RECLAIM_H
#define MM_RECLAIM_RECLAIM_H

#include <mm/alloc/page.h>
#include <mm/alloc/policy.h>

/*
 * Frees about `want` pages. How many it was; 0: nothing can be had (out of memory). At the top of the
 * fault path and of system calls: no lock held; may sleep.
 */
uint64_t reclaim_direct(uint64_t want);
/*
 * What has failed with -ENOMEM (FAULT_OOM), if it was for want of frames: reclaims. True: it is worth
 * another try. *tries: 0 at first. Where and how as reclaim_direct.
 */
bool reclaim_retry(unsigned *tries);
/* How many pages have been freed by reclaim so far, by anybody. */
uint64_t reclaim_freed(void);
/*
 * Room was looked for, with some gain or none. True: it is worth another try, counted in *tries (0 at first);
 * without gain, a little later. As reclaim_direct.
 */
bool reclaim_go_on(unsigned *tries, bool gain);
/*
 * Both: reclaims about `want` pages; gain is what all who reclaim have freed meanwhile, for the pages that
 * they looked at (direct.c).
 */
bool reclaim_try(unsigned *tries, uint64_t want);
/*
 * Frees about `want` pages of those that are charged to the memory limit, whoever has them, by second chance, and whatever
 * the policy thinks of them. How many it was. As reclaim_direct.
 */
uint64_t reclaim_charged(uint16_t limit, uint64_t want);
/* What is kept for the next who wants it, and nobody uses, goes: the huge page of zeros. How many frames. No lock held. */
uint64_t reclaim_kept(void);
/* At boot: which policy the option reclaim= names. From then on policy_chosen() is that one. */
void policy_init(void);
const struct policy *policy_chosen(void);
/* All of them, by number; NULL past the last. */
const struct policy *policy_nth(unsigned i);
/* n (<= 32) pages, whose references are taken over, are reclaimed now (MADV_PAGEOUT; how many went); or sooner than others (MADV_COLD). */
unsigned reclaim_pages(struct page *const *page, unsigned n);
void reclaim_cool(struct page *const *page, unsigned n);
/* The same of a block (mm/alloc/block.h). */
void reclaim_block(struct page *head);
void reclaim_cool_block(struct page *head);
/*
 * Set by mm/vm: the huge leaf at va of as, pinned (the pin goes), which lies in a table that a fork
 * shares, becomes a table of as's own. False: it does not.
 */
extern bool (*reclaim_unshare)(struct aspace *as, vaddr_t va);
/* Lists are kept from now on; with swap turned on, also of memory that only swap can hold. No lock held. */
void reclaim_lists(void);
/* How readily reclaim takes what only swap can hold, as for policies: /proc/sys/vm/swappiness. */
extern uint64_t vm_swappiness;
/* Starts kswapd. */
void reclaim_init(void);

#endif
