/*
 * The huge page of zeros: 2 MB that all who read huge pages nobody has written share.
 *
 * It is made for the first address space that asks. Each that has asked, or has shared tables of one that has,
 * counts as a user until its end, whatever it maps by then: so leaves need no count, and while nobody uses
 * the page no entry names it. It stays then for the next who asks, until memory is short.
 */
#include <asm-generic/errno-base.h>
#include <lib/lock.h>
#include <mm/alloc/stat.h>
#include <mm/pt/huge.h>

static struct spinlock zero_lock = SPINLOCK_INIT(RANK_LISTS);	/* what follows, and who has asked */
static uint64_t users;
pfn_t huge_zero_pfn;

/* False: there is no page. */
static bool join(struct aspace *as)
{
	bool is;

	spin_lock(&zero_lock);
	is = huge_zero_pfn.v;
	if (is && !as->huge_zero) {
		users++;
		WRITE_ONCE(as->huge_zero, true);
	}
	spin_unlock(&zero_lock);
	return is;
}

static struct page *make(void)
{
	struct page *p = page_alloc(ORDER_HUGE, PAGE_KERNEL, ALLOC_ZERO);

	vm_count(p ? THP_ZERO_PAGE_ALLOC : THP_ZERO_PAGE_ALLOC_FAILED, 1);
	return p;
}

/* *made, unless there is a page; then NULL. */
static void install(struct page **made)
{
	spin_lock(&zero_lock);
	if (!huge_zero_pfn.v) {
		huge_zero_pfn = page_to_pfn(*made);
		*made = NULL;
	}
	spin_unlock(&zero_lock);
}

int huge_zero_get(struct aspace *as)
{
	struct page *made = NULL;

	if (likely(READ_ONCE(as->huge_zero)))
		return 0;
	while (!join(as)) {
		if (!made)
			made = make();
		if (!made)
			return -ENOMEM;
		install(&made);
	}
	if (made)
		page_free(made, ORDER_HUGE);
	return 0;
}

void huge_zero_share(struct aspace *to, const struct aspace *from)
{
	bool is;

	if (likely(!READ_ONCE(from->huge_zero)))
		return;
	is = join(to);
	assert(is);
}

void huge_zero_put(struct aspace *as)
{
	if (likely(!as->huge_zero))
		return;
	spin_lock(&zero_lock);
	assert(users > 0);
	users--;
	as->huge_zero = false;
	spin_unlock(&zero_lock);
}

uint64_t huge_zero_shrink(void)
{
	pfn_t none = pfn(0), gone = none;

	if (!READ_ONCE(huge_zero_pfn.v))
		return 0;
	spin_lock(&zero_lock);
	if (!users) {
		gone = huge_zero_pfn;
		huge_zero_pfn = none;
	}
	spin_unlock(&zero_lock);
	if (!gone.v)
		return 0;
	page_free(pfn_to_page(gone), ORDER_HUGE);
	return BLOCK_PAGES;
}
