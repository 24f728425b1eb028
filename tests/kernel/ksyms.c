/* The kernel's symbol table, by functions whose place is known, and the log's ring. */
#include <lib/format.h>
#include <lib/ktest.h>
#include <lib/ksyms.h>
#include <lib/log.h>
#include <lib/string.h>

static void expect_name(vaddr_t va, const char *want, uint64_t want_off)
{
	uint64_t off = ~0ul;
	const char *name = ksym_lookup(va, &off);

	if (!name || strcmp(name, want) != 0)
		ktest_fail(__FILE__, __LINE__, "0x%lx is %s, expected %s", va,
			   name ? name : "nothing", want);
	EXPECT_EQ(off, want_off);
}

KTEST(ksyms, functions)
{
	expect_name((vaddr_t)ktest_run, "ktest_run", 0);
	expect_name((vaddr_t)ktest_run + 1, "ktest_run", 1);
	expect_name((vaddr_t)snprintf, "snprintf", 0);
	expect_name((vaddr_t)expect_name + 3, "expect_name", 3);
}

KTEST(ksyms, elsewhere)
{
	uint64_t off;
	int on_stack;

	EXPECT(!ksym_lookup(0, &off));
	EXPECT(!ksym_lookup(0x400000, &off));
	EXPECT(!ksym_lookup((vaddr_t)log_ring, &off));
	EXPECT(!ksym_lookup((vaddr_t)&on_stack, &off));
	EXPECT(!ksym_lookup(~0ul, &off));
}

KTEST(log, ring_holds_the_last_line)
{
	static const char line[] = "# the last line\n";
	uint64_t before = log_head;

	log_raw("# the last line");
	EXPECT_EQ(log_head - before, sizeof(line) - 1);
	for (unsigned i = 0; i < sizeof(line) - 1; i++)
		EXPECT_EQ(log_ring[(before + i) % LOG_RING_SIZE], line[i]);
}

KTEST(log, long_lines_are_cut_whole)
{
	static char text[2000];
	uint64_t before = log_head;

	memset(text, '-', sizeof(text) - 1);
	log_raw("# %s", text);
	EXPECT_EQ(log_head - before, 512);
	EXPECT_EQ(log_ring[(log_head - 1) % LOG_RING_SIZE], '\n');
}
