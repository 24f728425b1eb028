/*
 * Every routine that clears or copies a page on this CPU (not only the chosen
 * ones): it does the whole page and nothing beside it, and leaves the vector
 * registers, which are the user's, as they were.
 */
#include <arch/cpu.h>
#include <arch/page.h>
#include <arch/x86_64/pagecopy.h>
#include <lib/ktest.h>
#include <lib/string.h>

/* A page with a page before it and one behind it, and another such. */
static uint8_t dst_area[3 * PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static uint8_t src_area[3 * PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
#define dst	(dst_area + PAGE_SIZE)
#define src	(src_area + PAGE_SIZE)

static uint8_t pattern(unsigned salt, size_t i)
{
	return (uint8_t)(i * 7 + (i >> 8) * 3 + salt);
}

static void fill(uint8_t *area, unsigned salt)
{
	for (size_t i = 0; i < 3 * PAGE_SIZE; i++)
		area[i] = pattern(salt, i);
}

/* The pages before and behind are as fill() left them. */
static bool fringe_kept(const uint8_t *area, unsigned salt)
{
	for (size_t i = 0; i < PAGE_SIZE; i++)
		if (area[i] != pattern(salt, i) ||
		    area[2 * PAGE_SIZE + i] != pattern(salt, 2 * PAGE_SIZE + i))
			return false;
	return true;
}

static bool all_zero(const uint8_t *p)
{
	for (size_t i = 0; i < PAGE_SIZE; i++)
		if (p[i])
			return false;
	return true;
}

KTEST(pagecopy, clears_a_page_and_no_more)
{
	for (unsigned i = 0; i < PAGE_ROUTINES; i++) {
		if (!page_routine_usable(&page_routines[i]))
			continue;
		fill(dst_area, i);
		page_routines[i].clear(dst);
		EXPECT(all_zero(dst));
		EXPECT(fringe_kept(dst_area, i));
	}
}

KTEST(pagecopy, copies_a_page_and_no_more)
{
	for (unsigned i = 0; i < PAGE_ROUTINES; i++) {
		if (!page_routine_usable(&page_routines[i]))
			continue;
		fill(dst_area, i);
		fill(src_area, i + 99);
		page_routines[i].copy(dst, src);
		EXPECT(memcmp(dst, src, PAGE_SIZE) == 0);
		EXPECT_EQ(src[0], pattern(i + 99, PAGE_SIZE));
		EXPECT(fringe_kept(dst_area, i));
		EXPECT(fringe_kept(src_area, i + 99));
	}
}

KTEST(pagecopy, the_chosen_ones_work)
{
	fill(dst_area, 1);
	fill(src_area, 2);
	copy_page(dst, src);
	EXPECT(memcmp(dst, src, PAGE_SIZE) == 0);
	clear_page(dst);
	EXPECT(all_zero(dst));
	EXPECT(fringe_kept(dst_area, 1));
}

/* Registers 0 to 15, in 16 or 32 bytes each, from and to memory. */
#define EACH(op)	op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) \
			op(8) op(9) op(10) op(11) op(12) op(13) op(14) op(15)
#define XMM_LOAD(n)	"movups " #n "*32(%0), %%xmm" #n "\n\t"
#define XMM_STORE(n)	"movups %%xmm" #n ", " #n "*32(%0)\n\t"
#define YMM_LOAD(n)	"vmovups " #n "*32(%0), %%ymm" #n "\n\t"
#define YMM_STORE(n)	"vmovups %%ymm" #n ", " #n "*32(%0)\n\t"

struct vectors {
	uint8_t b[16 * 32];
};

static void vectors_load(const struct vectors *v)
{
	if (arch_features.avx)
		__asm__ volatile(EACH(YMM_LOAD) :: "r"(v) : "memory");
	else
		__asm__ volatile(EACH(XMM_LOAD) :: "r"(v) : "memory");
}

static void vectors_store(struct vectors *v)
{
	if (arch_features.avx)
		__asm__ volatile(EACH(YMM_STORE) :: "r"(v) : "memory");
	else
		__asm__ volatile(EACH(XMM_STORE) :: "r"(v) : "memory");
}

/* What the registers hold now, in *v; 0 where this CPU has only lower halves. */
static void vectors_read(struct vectors *v)
{
	memset(v, 0, sizeof(*v));
	vectors_store(v);
}

KTEST(pagecopy, vector_registers_are_kept)
{
	static struct vectors users, before, after;
	uint64_t flags = irq_save();

	vectors_store(&users);
	for (unsigned i = 0; i < PAGE_ROUTINES; i++) {
		if (!page_routine_usable(&page_routines[i]))
			continue;
		for (size_t k = 0; k < sizeof(before); k++)
			before.b[k] = pattern(i, k);
		vectors_load(&before);
		vectors_read(&before);
		EXPECT_EQ(before.b[33], pattern(i, 33));
		page_routines[i].clear(dst);
		vectors_read(&after);
		EXPECT(memcmp(&before, &after, sizeof(before)) == 0);
		page_routines[i].copy(dst, src);
		vectors_read(&after);
		EXPECT(memcmp(&before, &after, sizeof(before)) == 0);
	}
	vectors_load(&users);
	irq_restore(flags);
}
