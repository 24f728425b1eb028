/*
 * What /proc tells about memory: frames by use, counters by name, the frames
 * behind a range of addresses.
 *
 * Locks: mm.lock for reading and one table at a time, for mm_pagemap and
 * mm_peek. Frames are counted without a lock: each is looked at for itself,
 * and the sum is as good as a sum over moving things can be.
 */
#include <mm/vm/map.h>
#include <kernel/core/thread.h>
#include <lib/string.h>
#include <mm/alloc/busy.h>
#include <mm/pt/leaf.h>
#include <mm/reclaim/reclaim.h>
#include <mm/vm/fault.h>
#include <mm/alloc/stat.h>

#include <linux/errno.h>

uint64_t vm_max_map_count = VMAS_MAX;

#define RESCHED_EVERY	16384u		/* frames */

/* ---- frames by use ---- */

static void count_block(struct mem_usage *u, const struct page *p, uint64_t n)
{
	switch (p->kind) {
	case PAGE_KERNEL:
		u->kernel += n;
		break;
	case PAGE_TABLE:
		u->tables += n;
		break;
	case PAGE_ANON:
		u->anon += n;
		u->anon_huge += n == BLOCK_PAGES ? n : 0;
		u->swapcache += READ_ONCE(p->flags) & PG_SWAPCACHE ? n : 0;
		u->mlocked += READ_ONCE(p->nlocked) ? n : 0;
		break;
	case PAGE_FILE:
		if (unlikely(object_is_block(p))) {
			u->shmem_huge += BLOCK_PAGES;
			u->shmem_leaves += READ_ONCE(p->leaves) ? BLOCK_PAGES : 0;
		}
		u->file += n;
		u->mapped += READ_ONCE(p->slots) ? n : 0;
		u->mlocked += READ_ONCE(p->nlocked) ? n : 0;
		break;
	default:
		break;
	}
}

static void count_range(uint64_t start, uint64_t end, void *arg)
{
	uint64_t i = start >> PAGE_SHIFT, n, seen = 0;

	while (i < end >> PAGE_SHIFT) {
		const struct page *p = pfn_to_page(pfn(i));
		bool head = p->kind >= PAGE_KERNEL || p->kind == PAGE_FREE;

		n = head ? 1ul << MIN(READ_ONCE(p->order), ORDER_MAX) : 1;
		count_block(arg, p, n);
		i += n;
		if (++seen % RESCHED_EVERY == 0)
			resched_point();
	}
}

void mm_usage(struct mem_usage *u)
{
	struct object *o;

	memset(u, 0, sizeof(*u));
	early_for_each_ram(count_range, u);
	spin_lock(&objects_lock);
	TAILQ_FOREACH(o, &objects, all_link)
		u->shmem += o->ops->memory ? READ_ONCE(o->npages) : 0;
	spin_unlock(&objects_lock);
}

/* ---- counters ---- */

bool mm_event(unsigned i, const char **name, uint64_t *v)
{
	if (i < VM_EVENTS) {
		*name = vm_event_name(i);
		*v = vm_event_sum(i);
		return true;
	}
	i -= VM_EVENTS;
	if (i >= TLB_STATS)
		return false;
	*name = tlb_stat_name(i);
	*v = tlb_stat_sum(i);
	return true;
}

const char *mm_policy(unsigned i, bool *is_chosen)
{
	const struct policy *p = policy_nth(i);

	*is_chosen = p && p == policy_chosen();
	return p ? p->name : NULL;
}

/* ---- fault-around ---- */

uint64_t mm_fault_around(void)
{
	return PAGE_SIZE << (63 - __builtin_clzl(fault_around_pages));
}

int mm_set_fault_around(uint64_t bytes)
{
	if (bytes > PT_ENTRIES * PAGE_SIZE)
		return -EINVAL;
	bytes = MIN(MAX(bytes, PAGE_SIZE), FAULT_AROUND_MAX * PAGE_SIZE);
	fault_around_pages = bytes >> PAGE_SHIFT;
	return 0;
}

/* ---- what an address leads to ---- */

/* The frame that e (of a table of `level`) has for va, or false. */
static bool frame_of(pte_t e, unsigned level, vaddr_t va, pfn_t *f)
{
	enum pte_kind k = pte_kind(e, level);

	if (k != PTE_PRESENT && k != PTE_SPECIAL_LEAF && k != PTE_NOACCESS && k != PTE_HUGE)
		return false;
	*f = leaf_frame(e, level, va);
	return true;
}

/* What c's entry says for va, which lies in it. */
static uint64_t pagemap_word(const struct cursor *c, vaddr_t va)
{
	pte_t e = cursor_get(c);
	uint64_t word = e.v & PTE_SOFT_DIRTY ? PAGEMAP_SOFT_DIRTY : 0;
	const struct page *p;
	pfn_t f;

	switch (pte_kind(e, c->level)) {
	case PTE_SWAP:			/* bits 4:0 the device, 54:5 where it is there */
		return word | PAGEMAP_SWAP | swp_device(pte_swp(e)) | swp_offset(pte_swp(e)) << 5;
	case PTE_MIGRATING:
		return word | PAGEMAP_SWAP;
	default:
		break;
	}
	if (!frame_of(e, c->level, va, &f))
		return word;
	word |= PAGEMAP_PRESENT | f.v;
	if (e.v & PTE_SPECIAL)
		return word;
	p = pfn_to_page(pte_pfn(e));
	if (p->kind == PAGE_FILE)
		return word | PAGEMAP_FILE;
	if (p->kind == PAGE_HUGETLB && p->owner)
		word |= PAGEMAP_FILE;
	if (c->level > 1 && !block_is_whole(p))
		p = pfn_to_page(f);
	return p->slots == 1 && !c->table->shared ? word | PAGEMAP_EXCLUSIVE : word;
}

void mm_pagemap(struct mm *mm, vaddr_t va, unsigned n, uint64_t *out)
{
	struct cursor c;
	unsigned i = 0;

	read_lock(&mm->lock);
	while (i < n) {
		vaddr_t at = va + i * PAGE_SIZE;

		cursor_find(&c, &mm->as, at, 1);
		do {
			out[i] = pagemap_word(&c, va + i * PAGE_SIZE);
		} while (++i < n && c.level == 1 && cursor_next(&c));
		cursor_close(&c);
	}
	read_unlock(&mm->lock);
}

uint64_t mm_pagemap_end(void)
{
	return mm_user_end() >> PAGE_SHIFT;
}

/* Stands on va's entry; if its page is just being moved, then when that is done. */
static void find_arrived(struct cursor *c, struct mm *mm, vaddr_t va)
{
	for (;;) {
		struct page *p;
		pte_t e;

		cursor_find(c, &mm->as, va & -PAGE_SIZE, 1);
		e = cursor_get(c);
		p = pfn_to_page(pte_pfn(e));
		if (pte_kind(e, c->level) != PTE_MIGRATING || !(READ_ONCE(p->flags) & PG_BUSY))
			return;
		page_get(p);
		cursor_close(c);
		page_wait_busy(p);
		page_put(p);
	}
}

/* The part of [va, va + n) in va's page, if that is there now: how much was copied. mm.lock held. */
static size_t peek_page(struct mm *mm, vaddr_t va, void *to, size_t n)
{
	size_t part = MIN(n, PAGE_SIZE - va % PAGE_SIZE);
	struct page *p;
	struct cursor c;
	const void *from;
	pfn_t f;
	pte_t e;

	find_arrived(&c, mm, va);
	e = cursor_get(&c);
	if (e.v & PTE_SPECIAL || !frame_of(e, c.level, va, &f)) {
		cursor_close(&c);
		return 0;
	}
	from = leaf_at(&c, va);
	p = leaf_hold(&c);
	cursor_close(&c);
	memcpy(to, from, part);
	leaf_let(&c, p);
	return part;
}

size_t mm_peek(struct mm *mm, vaddr_t va, void *to, size_t n)
{
	size_t done = 0, part;

	read_lock(&mm->lock);
	while (done < n && va + done < mm_user_end()) {
		part = peek_page(mm, va + done, (char *)to + done, n - done);
		if (!part)
			break;
		done += part;
	}
	read_unlock(&mm->lock);
	return done;
}

/* ---- where the program put its parts ---- */

void mm_set_layout(struct mm *mm, const struct mm_layout *l)
{
	mm_write_lock(mm);
	mm->layout = *l;
	mm_write_unlock(mm);
}

void mm_get_layout(struct mm *mm, struct mm_layout *l)
{
	read_lock(&mm->lock);
	*l = mm->layout;
	l->brk_start = mm->brk_start;
	l->brk = mm->brk;
	read_unlock(&mm->lock);
}
