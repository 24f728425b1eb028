/*
 * User copy: what is there is copied, and what is not comes back as the count
 * of bytes that are missing, at every kind of edge; and the door that SMAP
 * keeps shut is shut again afterwards.
 */
#include <arch/uaccess.h>
#include <arch/layout.h>
#include <kernel/core/thread.h>
#include <lib/ktest.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <linux/mman.h>
#include <mm/alloc/slab.h>
#include <mm/mm.h>

#define BASE	0x10000000ul
#define SIZE	(2 * PAGE_SIZE)
#define END	(BASE + SIZE)

static struct mm *mm;
static uint8_t *buf;			/* SIZE bytes of the kernel's */

#define UP(a)	((void __user *)(uintptr_t)(a))

/* Two pages to read and write, with nothing before and behind. */
static void setup(int prot)
{
	mm = mm_create();
	buf = kmalloc(SIZE);
	memset(buf, 0x5a, SIZE);
	EXPECT_EQ(mm_mmap(mm, BASE, SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0), (long)BASE);
	thread_set_aspace(mm_aspace(mm));
	if (prot != (PROT_READ | PROT_WRITE))
		EXPECT_EQ(mm_mprotect(mm, BASE, SIZE, prot), 0);
}

static void teardown(void)
{
	uint64_t flags;

	__asm__ volatile("pushfq; popq %0" : "=r"(flags));
	EXPECT_EQ(flags & 1u << 18, 0);		/* AC: SMAP is shut */
	thread_set_aspace(NULL);
	mm_put(mm);
	kfree(buf);
}

KTEST(uaccess, round_trip)
{
	setup(PROT_READ | PROT_WRITE);
	for (unsigned i = 0; i < SIZE; i++)
		buf[i] = (uint8_t)(i * 7);
	for (unsigned off = 0; off < 16; off++)
		for (unsigned n = 0; n < 70; n++) {
			uint8_t back[70] = { 0 };

			EXPECT_EQ(copy_to_user(UP(BASE + PAGE_SIZE - 32 + off), buf + off, n), 0);
			EXPECT_EQ(copy_from_user(back, UP(BASE + PAGE_SIZE - 32 + off), n), 0);
			EXPECT_EQ(memcmp(back, buf + off, n), 0);
		}
	EXPECT_EQ(copy_to_user(UP(BASE), buf, SIZE), 0);
	memset(buf, 0, SIZE);
	EXPECT_EQ(copy_from_user(buf, UP(BASE), SIZE), 0);
	EXPECT_EQ(buf[5000], (uint8_t)(5000 * 7));
	teardown();
}

/* Copies that run into the end of the mapping: exactly what is there goes over. */
KTEST(uaccess, residue_at_the_end)
{
	setup(PROT_READ | PROT_WRITE);
	for (unsigned there = 0; there < 40; there++)
		for (unsigned n = there; n < there + 40; n++) {
			memset(buf, 0x11, 128);
			EXPECT_EQ(copy_to_user(UP(END - there), buf, n), n - there);
			memset(buf, 0x22, 128);
			EXPECT_EQ(copy_from_user(buf, UP(END - there), n), n - there);
			for (unsigned i = 0; i < n; i++)
				EXPECT_EQ(buf[i], i < there ? 0x11 : 0x22);
			EXPECT_EQ(clear_user(UP(END - there), n), n - there);
		}
	EXPECT_EQ(copy_from_user(buf, UP(END - 100), SIZE), SIZE - 100);
	EXPECT_EQ(copy_to_user(UP(END - 100), buf, SIZE), SIZE - 100);
	EXPECT_EQ(clear_user(UP(END - 100), 1ul << 30), (1ul << 30) - 100);
	teardown();
}

KTEST(uaccess, nothing_before)
{
	setup(PROT_READ | PROT_WRITE);
	EXPECT_EQ(copy_from_user(buf, UP(BASE - 1), 100), 100);
	EXPECT_EQ(copy_to_user(UP(BASE - 1), buf, 100), 100);
	EXPECT_EQ(buf[0], 0x5a);
	teardown();
}

KTEST(uaccess, bad_addresses)
{
	static const uint64_t bad[] = {
		0, 1, 8, USER_MIN - 8, USER_END_4, 1ul << 47, 1ul << 62, KERNEL_HALF - 8,
		KERNEL_HALF, DIRECT_BASE, KERNEL_BASE, KERNEL_BASE + 0x100000, UINT64_MAX - 7, UINT64_MAX,
	};
	uint64_t v = 1;
	uint32_t w = 1;

	setup(PROT_READ | PROT_WRITE);
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(copy_from_user(buf, UP(bad[i]), 8), 8);
		EXPECT_EQ(copy_to_user(UP(bad[i]), buf, 8), 8);
		EXPECT_EQ(clear_user(UP(bad[i]), 8), 8);
		EXPECT_EQ(strncpy_from_user((char *)buf, UP(bad[i]), 8), -EFAULT);
		EXPECT_EQ(get_user_u64(&v, UP(bad[i])), -EFAULT);
		EXPECT_EQ(get_user_u32(&w, UP(bad[i])), -EFAULT);
		EXPECT_EQ(put_user_u64(v, UP(bad[i])), -EFAULT);
		EXPECT_EQ(put_user_u32(w, UP(bad[i])), -EFAULT);
	}
	EXPECT_EQ(buf[0], 0x5a);
	teardown();
}

KTEST(uaccess, ranges)
{
	EXPECT(user_range_ok(UP(BASE), 1));
	EXPECT(user_range_ok(UP(USER_END_4 - 1), 1));
	EXPECT(!user_range_ok(UP(KERNEL_HALF), 1));
	EXPECT(!user_range_ok(UP(BASE), KERNEL_HALF));
	EXPECT(!user_range_ok(UP(BASE), UINT64_MAX));
	EXPECT(!user_range_ok(UP(UINT64_MAX), 2));
}

/*
 * A range that reaches into the kernel's half: not one byte is touched there,
 * whatever comes before.
 */
KTEST(uaccess, into_the_kernel)
{
	setup(PROT_READ | PROT_WRITE);
	EXPECT(copy_from_user(buf, UP(USER_END_4 - 8), 64) > 0);
	EXPECT(copy_to_user(UP(BASE), buf, KERNEL_HALF) > 0);
	EXPECT(clear_user(UP(KERNEL_HALF - 64), 128) > 0);
	teardown();
}

KTEST(uaccess, read_only_pages)
{
	uint32_t w;

	setup(PROT_READ);
	EXPECT_EQ(copy_from_user(buf, UP(BASE), 64), 0);
	EXPECT_EQ(copy_to_user(UP(BASE), buf, 64), 64);
	EXPECT_EQ(clear_user(UP(BASE), 64), 64);
	EXPECT_EQ(put_user_u32(7, UP(BASE)), -EFAULT);
	EXPECT_EQ(get_user_u32(&w, UP(BASE)), 0);
	EXPECT_EQ(w, 0);
	teardown();
}

KTEST(uaccess, pages_without_rights)
{
	uint64_t v;

	setup(PROT_NONE);
	EXPECT_EQ(copy_from_user(buf, UP(BASE), 64), 64);
	EXPECT_EQ(copy_to_user(UP(BASE), buf, 64), 64);
	EXPECT_EQ(get_user_u64(&v, UP(BASE)), -EFAULT);
	teardown();
}

/* Page present, then noaccess: the frame is there, but not for user copy. */
KTEST(uaccess, rights_taken_away)
{
	setup(PROT_READ | PROT_WRITE);
	EXPECT_EQ(copy_to_user(UP(BASE), buf, SIZE), 0);
	EXPECT_EQ(mm_mprotect(mm, BASE, SIZE, PROT_NONE), 0);
	EXPECT_EQ(copy_from_user(buf, UP(BASE), 64), 64);
	EXPECT_EQ(mm_mprotect(mm, BASE, SIZE, PROT_READ), 0);
	EXPECT_EQ(copy_from_user(buf, UP(BASE), 64), 0);
	EXPECT_EQ(buf[0], 0x5a);
	EXPECT_EQ(copy_to_user(UP(BASE), buf, 64), 64);
	teardown();
}

KTEST(uaccess, strings)
{
	char s[64];

	setup(PROT_READ | PROT_WRITE);
	EXPECT_EQ(copy_to_user(UP(END - 6), "hello", 6), 0);
	EXPECT_EQ(strncpy_from_user(s, UP(END - 6), sizeof(s)), 5);
	EXPECT_EQ(strcmp(s, "hello"), 0);
	EXPECT_EQ(strncpy_from_user(s, UP(END - 6), 6), 5);
	EXPECT_EQ(strncpy_from_user(s, UP(END - 6), 5), -ENAMETOOLONG);
	EXPECT_EQ(strncpy_from_user(s, UP(END - 1), sizeof(s)), 0);
	EXPECT_EQ(s[0], 0);
	EXPECT_EQ(copy_to_user(UP(END - 6), "hello!", 6), 0);
	EXPECT_EQ(strncpy_from_user(s, UP(END - 6), sizeof(s)), -EFAULT);
	EXPECT_EQ(strncpy_from_user(s, UP(END - 6), 6), -ENAMETOOLONG);
	EXPECT_EQ(strncpy_from_user(s, UP(END), sizeof(s)), -EFAULT);
	EXPECT_EQ(copy_to_user(UP(BASE + PAGE_SIZE - 3), "across", 7), 0);
	EXPECT_EQ(strncpy_from_user(s, UP(BASE + PAGE_SIZE - 3), sizeof(s)), 6);
	EXPECT_EQ(strcmp(s, "across"), 0);
	teardown();
}

KTEST(uaccess, words)
{
	uint64_t v = 0;
	uint32_t w = 0;

	setup(PROT_READ | PROT_WRITE);
	EXPECT_EQ(put_user_u64(0x1122334455667788ul, UP(BASE + 3)), 0);
	EXPECT_EQ(get_user_u64(&v, UP(BASE + 3)), 0);
	EXPECT_EQ(v, 0x1122334455667788ul);
	EXPECT_EQ(put_user_u32(0xaabbccddu, UP(BASE + 7)), 0);
	EXPECT_EQ(get_user_u64(&v, UP(BASE + 3)), 0);
	EXPECT_EQ(v, 0xaabbccdd55667788ul);
	EXPECT_EQ(get_user_u32(&w, UP(END - 4)), 0);
	EXPECT_EQ(w, 0);
	EXPECT_EQ(get_user_u64(&v, UP(END - 4)), -EFAULT);
	EXPECT_EQ(put_user_u64(v, UP(END - 4)), -EFAULT);
	EXPECT_EQ(get_user_u32(&w, UP(END - 4)), 0);
	EXPECT_EQ(w, 0);
	teardown();
}

/* Without an address space nothing is mapped at all. */
KTEST(uaccess, no_address_space)
{
	char c;

	EXPECT_EQ(copy_from_user(&c, UP(BASE), 1), 1);
	EXPECT_EQ(copy_to_user(UP(BASE), &c, 1), 1);
}
