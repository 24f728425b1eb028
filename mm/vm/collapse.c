/*
 * Small pages that become huge ones: on demand (MADV_COLLAPSE), and for khugepaged.
 *
 *	look	how many of the 512 entries are none, swapped out, shared; was any used of late,
 *		can any be written to? Under mm.lock for reading
 *	block	a free one, cleared by nobody; charged to who has the address space
 *	swap	what is out comes back in
 *	collapse	under mm.lock for writing, the VMA marked, after another look at it (mm/pt/collapse.c)
 *
 * On demand something must be there, be it zeros, and a table that a fork shares is copied first. khugepaged has
 * limits (thp.h), and leaves a shared table alone: it would undo the sharing.
 *
 * Private memory is here, memory objects are in collapse_shmem.c.
 */
#include <mm/vm/collapse.h>
#include <mm/vm/fault.h>
#include <mm/vm/map.h>
#include <kernel/core/thread.h>
#include <mm/alloc/limit.h>
#include <mm/alloc/stat.h>
#include <mm/reclaim/compact.h>
#include <mm/pt/huge.h>

#include <linux/errno.h>

/* ---- look ---- */

static void survey_entry(struct survey *s, pte_t e)
{
	if (pte_kind(e, 1) == PTE_SWAP)
		s->swapped++;
	if (e.v & PTE_SPECIAL || (!pte_present(e) && pte_kind(e, 1) != PTE_NOACCESS))
		return;
	s->pages++;
	s->shared += READ_ONCE(pfn_to_page(pte_pfn(e))->slots) > 1;
	s->young += pte_young(e);
	s->writable += pte_writable(e);
}

struct survey collapse_survey(const struct vma *v, vaddr_t va)
{
	struct survey s = { .object = v->obj };
	struct cursor c;

	if (s.object)
		return s;
	cursor_find(&c, &v->mm->as, va, 1);
	s.table = c.level == 1;
	s.huge = !s.table && !pte_is_none(cursor_get(&c));
	if (s.table)
		do
			survey_entry(&s, cursor_get(&c));
		while (cursor_next(&c));
	cursor_close(&c);
	return s;
}

/* ---- one huge page ---- */

struct page *collapse_block(struct mm *mm, enum page_kind kind)
{
	uint16_t limit = READ_ONCE(mm->as.limit_id);
	struct thread *t = current_thread();
	struct page *head;

	t->starved = false;
	head = page_alloc(ORDER_HUGE, kind, 0);
	if (!head && t->starved && compact_direct(ORDER_HUGE))
		head = page_alloc(ORDER_HUGE, kind, 0);

	if (head && limit != head->limit_id) {
		if (limit_charge(limit, BLOCK_PAGES, false)) {
			head->limit_id = limit;
		} else {
			page_put(head);
			head = NULL;
		}
	}
	vm_count(head ? THP_COLLAPSE_ALLOC : THP_COLLAPSE_ALLOC_FAILED, 1);
	return head;
}

/* Is va, an even place of v, an even place of v's object, and may it have huge pages? */
static bool shared_fits(const struct vma *v, vaddr_t va)
{
	return vma_pgoff(v, va) % BLOCK_PAGES == 0 && shmem_may_collapse(v);
}

bool collapse_fits(const struct vma *v, vaddr_t va, bool asked)
{
	if (va < v->start || !thp_fits(v, va))
		return false;
	if (v->obj)
		return shared_fits(v, va) && (asked || shmem_wanted(v));
	return asked ? thp_allowed(v) : thp_wanted(v);
}

/* The VMA of the whole 2 MB, if it may have a huge page there. mm.lock held. */
static struct vma *vma_for(struct mm *mm, vaddr_t va, bool asked)
{
	struct vma *v = vma_find(mm, va);

	return v && collapse_fits(v, va, asked) ? v : NULL;
}

static int collapse_locked(struct mm *mm, vaddr_t va, struct page *head, bool asked)
{
	struct vma *v = vma_for(mm, va, asked);
	int err = 0;

	if (!v || v->obj)
		return -EINVAL;
	vma_mark(mm, v);
	if (asked)
		err = pt_own(&mm->as, va, va + HUGE_SIZE);
	return err ? err : pt_collapse(&mm->as, va, head,
				       v->prot | (v->flags & VM_WRITE ? PROT_W : 0));
}

int collapse_one(struct mm *mm, vaddr_t va, bool asked)
{
	struct page *head = collapse_block(mm, PAGE_ANON);
	int err;

	if (!head)
		return -ENOMEM;
	mm_write_lock(mm);
	err = collapse_locked(mm, va, head, asked);
	mm_write_unlock(mm);
	if (err)
		page_put(head);
	return err;
}

int collapse_bring_back(struct mm *mm, vaddr_t va)
{
	for (vaddr_t end = va + HUGE_SIZE; va < end; va += PAGE_SIZE) {
		if (fault_bring_back(mm, va) != FAULT_OK)
			return -ENOMEM;
		resched_point();
	}
	return 0;
}

/* ---- on demand ---- */

/* May v have huge pages? */
static bool may_collapse(const struct vma *v)
{
	if (!thp_has_room(v))
		return false;
	return v->obj ? shared_fits(v, ALIGN_UP(v->start, HUGE_SIZE)) : thp_allowed(v);
}

static int look_at(struct mm *mm, vaddr_t va, struct survey *s)
{
	struct vma *v;

	read_lock(&mm->lock);
	v = vma_for(mm, va, true);
	if (v)
		*s = collapse_survey(v, va);
	read_unlock(&mm->lock);
	return v ? 0 : -EINVAL;
}

static int collapse_asked(struct mm *mm, vaddr_t va)
{
	struct survey s;

	for (unsigned i = 0; i < SWAP_TRIES; i++) {
		int err = look_at(mm, va, &s);

		if (!err && s.object)
			err = collapse_shared(mm, va, true);
		if (err || s.huge || s.object)
			return err == -EEXIST ? 0 : err;
		if (!s.table)
			return -EINVAL;
		if (!s.swapped) {
			err = collapse_one(mm, va, true);
			return err == -EEXIST ? 0 : err;
		}
		err = collapse_bring_back(mm, va);
		if (err)
			return err;
	}
	return -EAGAIN;
}

/* The mapped part from *start on, below end, which moves to its end. 0, or what is wrong with it. */
static int next_part(struct mm *mm, vaddr_t *start, vaddr_t *stop, vaddr_t end)
{
	const struct vma *v;
	int err = 0;

	read_lock(&mm->lock);
	v = vma_find(mm, *start);
	if (!v || v->start >= end) {
		*start = *stop = end;
		err = -ENOMEM;
	} else {
		err = may_collapse(v) ? 0 : -EINVAL;
		*start = MAX(*start, v->start);
		*stop = MIN(v->end, end);
	}
	read_unlock(&mm->lock);
	return err;
}

/*
 * Every huge page that lies in the part as a whole. What failed last is told, after the rest has been tried. As on Linux
 * a part inside of one huge page is wrong, not empty.
 */
static int collapse_part(struct mm *mm, vaddr_t start, vaddr_t end)
{
	int err = ALIGN_DOWN(end, HUGE_SIZE) < ALIGN_UP(start, HUGE_SIZE) ? -EINVAL : 0;

	for (vaddr_t va = ALIGN_UP(start, HUGE_SIZE); va < end && end - va >= HUGE_SIZE; va += HUGE_SIZE) {
		int one = collapse_asked(mm, va);

		err = one ? one : err;
		if (one == -ENOMEM)
			break;
		resched_point();
	}
	return err;
}

int mm_collapse(struct mm *mm, vaddr_t start, vaddr_t end)
{
	vaddr_t at = start, stop;
	bool hole = false;
	int err = 0;

	while (at < end && !err) {
		vaddr_t from = at;

		err = next_part(mm, &at, &stop, end);
		hole |= at > from;
		if (err)
			break;
		err = collapse_part(mm, at, stop);
		at = stop;
	}
	return err ? err : hole ? -ENOMEM : 0;
}
