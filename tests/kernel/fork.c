/*
 * fork of address spaces: what the child sees, what each may then do without
 * the other seeing it, and that nothing is left behind in any order of ends.
 */
#include <tests/kernel/mmtest.h>

static struct mm *parent;

/* The test's thread runs in mm from here on. */
static void in(struct mm *mm)
{
	mt_mm = mm;
	thread_set_aspace(mm_aspace(mm));
}

static bool sound(void)
{
	char why[200];
	unsigned bad = mm_verify(why, sizeof(why));

	if (bad)
		ktest_note("%s", why);
	return bad == 0;
}

KTEST(fork, private_memory)
{
	struct mm *child;

	mt_begin();
	parent = mt_mm;
	EXPECT(mt_anon(0, 8, RW));
	for (unsigned i = 0; i < 4; i++)
		EXPECT_EQ(mt_write(i, 100 + i), 0);
	EXPECT_EQ(mt_read(5), 0);
	child = mm_fork(parent);
	EXPECT(child);
	EXPECT(sound());
	EXPECT_EQ(mt_write(0, 200), 0);
	in(child);
	EXPECT_EQ(mt_read(0), 100);
	EXPECT_EQ(mt_write(1, 201), 0);
	EXPECT_EQ(mt_write(5, 205), 0);
	in(parent);
	EXPECT_EQ(mt_read(0), 200);
	EXPECT_EQ(mt_read(1), 101);
	EXPECT_EQ(mt_read(5), 0);
	EXPECT(sound());
	mm_put(child);
	EXPECT(sound());
	EXPECT_EQ(mt_write(3, 203), 0);
	EXPECT_EQ(mt_read(3), 203);
	EXPECT(sound());
	mt_end();
}
