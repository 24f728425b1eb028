/*
 * Kernel stacks. Their area is cut into slots of eight pages:
 *
 *	slot + 0	four pages never mapped: the guard, wide enough that a large
 *			frame does not step over it
 *	slot + 16 KB	the stack, four frames wherever they were free
 *
 * A stack that is freed stays mapped on its CPU's list (the link lies in the
 * stack) and is the next one handed out. What goes beyond KSTACK_KEEP is
 * unmapped where that may wait for a flush; only after that flush does its
 * slot count as free, so no address comes back while a CPU may still know it.
 *
 * Locks: kstack_lock (RANK_LISTS) for the slots. The lists are their CPU's:
 * the kernel is not preemptible, and interrupt handlers make no threads.
 */
#include <arch/layout.h>
#include <asm-generic/errno-base.h>
#include <mm/pt/table.h>

#define STACK_PAGES	(KSTACK_SIZE / PAGE_SIZE)
#define SLOT_SIZE	(2 * KSTACK_SIZE)
#define SLOTS		65536ul
#define KSTACK_KEEP	16

_Static_assert(SLOTS * SLOT_SIZE <= (KMAP_END - KMAP_BASE) / 2, "device memory lies behind");

struct free_stack {
	struct free_stack *next;
};

struct stack_list {
	struct free_stack *first;
	unsigned n;
};

static struct stack_list kept[MAX_CPUS];
static struct spinlock kstack_lock = SPINLOCK_INIT(RANK_LISTS);
static uint64_t slot_used[SLOTS / 64];	/* kstack_lock */
static unsigned slot_hint;		/* kstack_lock: no free slot in the words before */
static uint64_t nslots;			/* kstack_lock: used ones */

/* The lowest free slot, or -1. */
static long slot_take(void)
{
	long n = -1;

	spin_lock(&kstack_lock);
	while (slot_hint < ARRAY_SIZE(slot_used) && slot_used[slot_hint] == ~0ul)
		slot_hint++;
	if (slot_hint < ARRAY_SIZE(slot_used)) {
		unsigned bit = (unsigned)__builtin_ctzl(~slot_used[slot_hint]);

		slot_used[slot_hint] |= 1ul << bit;
		nslots++;
		n = slot_hint * 64l + bit;
	}
	spin_unlock(&kstack_lock);
	return n;
}

static void slot_put(unsigned long n)
{
	spin_lock(&kstack_lock);
	assert(slot_used[n / 64] >> n % 64 & 1);
	slot_used[n / 64] &= ~(1ul << n % 64);
	slot_hint = MIN(slot_hint, n / 64);
	nslots--;
	spin_unlock(&kstack_lock);
}

static vaddr_t slot_bottom(unsigned long n) { return KMAP_BASE + n * SLOT_SIZE + KSTACK_SIZE; }
static unsigned long slot_of(vaddr_t va) { return (va - KMAP_BASE) / SLOT_SIZE; }

static int stack_map(vaddr_t bottom)
{
	struct page *page[STACK_PAGES];
	struct cursor c;
	unsigned n;
	int err = -ENOMEM;

	for (n = 0; n < STACK_PAGES; n++) {
		page[n] = page_alloc(0, PAGE_KERNEL, 0);
		if (!page[n])
			goto out;
	}
	err = cursor_open(&c, &kernel_aspace, bottom, 1);
	if (err)
		goto out;
	for (n = 0; n < STACK_PAGES; n++) {
		cursor_map(&c, page[n], PROT_R | PROT_W | PROT_G);
		cursor_next(&c);
	}
	cursor_close(&c);
	return 0;
out:
	while (n)
		page_free(page[--n], 0);
	return err;
}

static void stack_unmap(vaddr_t bottom)
{
	struct gather g;

	gather_init(&g, &kernel_aspace);
	pt_zap(&kernel_aspace, bottom, bottom + KSTACK_SIZE, &g);
	gather_finish(&g);
	slot_put(slot_of(bottom));
}

int kstack_alloc(uint64_t *bottom, uint64_t *top)
{
	struct stack_list *k = &kept[this_cpu()->id];
	long n;
	int err;

	if (likely(k->first)) {
		*bottom = (vaddr_t)k->first;
		k->first = k->first->next;
		k->n--;
	} else {
		n = slot_take();
		if (n < 0)
			return -ENOMEM;
		*bottom = slot_bottom((unsigned long)n);
		err = stack_map(*bottom);
		if (err) {
			slot_put((unsigned long)n);
			return err;
		}
	}
	*top = *bottom + KSTACK_SIZE;
	return 0;
}

/* Leaves `n` of this CPU's free stacks mapped. */
static void kept_trim(unsigned n)
{
	struct stack_list *k = &kept[this_cpu()->id];

	while (k->n > n) {
		struct free_stack *s = k->first;

		k->first = s->next;
		k->n--;
		stack_unmap((vaddr_t)s);
	}
}

void kstack_free(uint64_t bottom)
{
	struct stack_list *k = &kept[this_cpu()->id];
	struct free_stack *s = (struct free_stack *)bottom;

	assert(bottom == slot_bottom(slot_of(bottom)) && slot_of(bottom) < SLOTS);
	s->next = k->first;
	k->first = s;
	k->n++;
	if (k->n > KSTACK_KEEP && irq_enabled())
		kept_trim(KSTACK_KEEP);
}

void kstack_drain(void)
{
	kept_trim(0);
}

uint64_t kstack_bytes(void)
{
	return READ_ONCE(nslots) * KSTACK_SIZE;
}

bool kstack_is_guard(vaddr_t va)
{
	return va >= KMAP_BASE && slot_of(va) < SLOTS && (va - KMAP_BASE) % SLOT_SIZE < KSTACK_SIZE;
}
