/*
 * The ELF loader: what runs, what is refused, and that no header at all does
 * more than be refused.
 */
#include <kernel/proc/elf.h>
#include <arch/layout.h>
#include <arch/uaccess.h>
#include <kernel/core/thread.h>
#include <kernel/proc/process.h>
#include <lib/ktest.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <mm/alloc/slab.h>
#include <tests/kernel/program.h>

static const uint8_t exit_42[] = { CODE_EXIT(42) };

/* Opens and maps the first `size` bytes of p into an address space of its own. */
static int load(const struct program *p, size_t size)
{
	struct node *file = program_file(p, size);
	struct mm *mm = mm_create();
	struct elf e;
	int err = elf_open(&e, node_object(file));

	if (!err) {
		err = elf_map(&e, mm, true);
		elf_close(&e);
	}
	mm_put(mm);
	node_put(file);
	return err;
}

KTEST(elf, runs)
{
	struct program *p = program_create(exit_42, sizeof(exit_42));

	EXPECT_EQ(program_run(p, 10000), STATUS_EXIT(42));
	kfree(p);
}

KTEST(elf, runs_anywhere)
{
	struct program *p = program_create(exit_42, sizeof(exit_42));

	program_make_pie(p);
	EXPECT_EQ(program_run(p, 10000), STATUS_EXIT(42));
	kfree(p);
}

KTEST(elf, position_is_drawn_at_random)
{
	struct program *p = program_create(exit_42, sizeof(exit_42));
	vaddr_t bias[4] = { 0 };
	struct node *file;
	unsigned same = 0;

	program_make_pie(p);
	file = program_file(p, PROGRAM_SIZE);
	for (unsigned i = 0; i < ARRAY_SIZE(bias); i++) {
		struct mm *mm = mm_create();
		struct elf e;

		EXPECT_EQ(elf_open(&e, node_object(file)), 0);
		EXPECT_EQ(elf_map(&e, mm, i > 0), 0);
		bias[i] = e.bias;
		EXPECT_EQ(elf_entry(&e), e.bias + 0x1000);
		EXPECT_EQ(bias[i] % PAGE_SIZE, 0);
		same += i > 1 && bias[i] == bias[i - 1];
		elf_close(&e);
		mm_put(mm);
	}
	EXPECT_EQ(bias[0], 0x555555554000);
	EXPECT(same < 2);
	node_put(file);
	kfree(p);
}

/* What the file holds, zeros behind it up to the end of the segment's pages, and no more. */
static void check_memory(void)
{
	uint8_t *page = kmalloc(PAGE_SIZE);

	EXPECT_EQ(copy_from_user(page, (void __user *)PROGRAM_DATA, PAGE_SIZE), 0);
	for (unsigned i = 0; i < PAGE_SIZE; i++)
		EXPECT_EQ(page[i], i < PROGRAM_DATA_SIZE ? 0xda : 0);
	EXPECT_EQ(copy_from_user(page, (void __user *)(PROGRAM_DATA + PAGE_SIZE), PAGE_SIZE), 0);
	for (unsigned i = 0; i < PAGE_SIZE; i++)
		EXPECT_EQ(page[i], 0);
	EXPECT_EQ(copy_from_user(page, (void __user *)(PROGRAM_DATA + 2 * PAGE_SIZE), 1), 1);
	kfree(page);
}

KTEST(elf, memory_behind_the_file_is_zero)
{
	struct { struct program p; uint8_t junk[PAGE_SIZE]; } *image = kmalloc(sizeof(*image));
	struct program *p = program_create(exit_42, sizeof(exit_42));
	struct mm *mm = mm_create();
	struct node *file;
	struct elf e;

	/* The file goes on behind the segment: its page must not show that. */
	image->p = *p;
	memset(image->junk, 0xee, PAGE_SIZE);
	file = program_file(&image->p, sizeof(*image));
	EXPECT_EQ(elf_open(&e, node_object(file)), 0);
	EXPECT_EQ(elf_map(&e, mm, false), 0);
	thread_set_aspace(mm_aspace(mm));
	EXPECT_EQ(elf_clear_tails(&e), 0);
	check_memory();
	thread_set_aspace(NULL);
	elf_close(&e);
	mm_put(mm);
	node_put(file);
	kfree(image);
	kfree(p);
}

/* ---- refused ---- */

enum where { HEAD, PHDR0, PHDR1 };

#define IN_HEAD(field) HEAD, offsetof(struct elf64_hdr, field), sizeof(((struct elf64_hdr *)0)->field)
#define IN_PHDR(n, field) PHDR##n, offsetof(struct elf64_phdr, field), sizeof(((struct elf64_phdr *)0)->field)

static const struct { const char *what; enum where in; size_t off, size; uint64_t value; } bad[] = {
	{ "magic", HEAD, 0, 4, 0x464c4580 },
	{ "32 bits", HEAD, EI_CLASS, 1, ELFCLASS32 },
	{ "big-endian", HEAD, EI_DATA, 1, ELFDATA2MSB },
	{ "version", HEAD, EI_VERSION, 1, 2 },
	{ "relocatable file", IN_HEAD(e_type), ET_REL },
	{ "core file", IN_HEAD(e_type), ET_CORE },
	{ "another machine", IN_HEAD(e_machine), EM_386 },
	{ "size of program headers", IN_HEAD(e_phentsize), 32 },
	{ "no program headers", IN_HEAD(e_phnum), 0 },
	{ "too many program headers", IN_HEAD(e_phnum), 0xffff },
	{ "program headers behind the file", IN_HEAD(e_phoff), PROGRAM_SIZE - 8 },
	{ "program headers nowhere", IN_HEAD(e_phoff), UINT64_MAX - 8 },
	{ "entry in the kernel", IN_HEAD(e_entry), KERNEL_BASE },
	{ "entry not canonical", IN_HEAD(e_entry), 1ul << 47 },
	{ "more of the file than of memory", IN_PHDR(1, p_filesz), PROGRAM_MEM_SIZE + 1 },
	{ "memory without size", IN_PHDR(0, p_memsz), 0 },
	{ "past the end of the file", IN_PHDR(1, p_offset), 0x3000 },
	{ "offset wraps round", IN_PHDR(1, p_offset), UINT64_MAX - PAGE_SIZE + 1 },
	{ "offset and address differ in the page", IN_PHDR(1, p_offset), 0x1ff0 },
	{ "address in the kernel", IN_PHDR(1, p_vaddr), KERNEL_HALF },
	{ "address not canonical", IN_PHDR(1, p_vaddr), 1ul << 50 },
	{ "last page of the user's half", IN_PHDR(1, p_vaddr), USER_END_4 },
	{ "address wraps round", IN_PHDR(1, p_vaddr), UINT64_MAX - PAGE_SIZE + 1 },
	{ "page 0", IN_PHDR(0, p_vaddr), 0 },
	{ "below mmap_min_addr", IN_PHDR(0, p_vaddr), USER_MIN - PAGE_SIZE },
	{ "memory up to the kernel", IN_PHDR(1, p_memsz), KERNEL_HALF },
	{ "memory wraps round", IN_PHDR(1, p_memsz), UINT64_MAX },
	{ "segments overlap", IN_PHDR(1, p_vaddr), PROGRAM_CODE },
	{ "segments go down", IN_PHDR(1, p_vaddr), PROGRAM_CODE - 0x10000 },
	{ "segments share a page", IN_PHDR(0, p_memsz), PAGE_SIZE + 1 },
	{ "odd alignment", IN_PHDR(0, p_align), 3 },
	{ "huge alignment", IN_PHDR(0, p_align), 1ul << 63 },
};

KTEST(elf, bad_headers_are_refused)
{
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		struct program *p = program_create(exit_42, sizeof(exit_42));
		uint8_t *base = bad[i].in == HEAD ? (uint8_t *)&p->head :
				(uint8_t *)&p->phdr[bad[i].in == PHDR1];
		int err;

		memcpy(base + bad[i].off, &bad[i].value, bad[i].size);
		err = load(p, PROGRAM_SIZE);
		if (err != -ENOEXEC)
			ktest_fail(__FILE__, __LINE__, "%s: %d", bad[i].what, err);
		kfree(p);
	}
}

/* What names an interpreter must be text of the file. */
KTEST(elf, names_of_interpreters)
{
	static const struct { uint64_t off, size; int want; } names[] = {
		{ 0, 1, -ENOEXEC }, { 0, PATH_MAX + 1, -ENOEXEC }, { PROGRAM_SIZE - 1, 2, -ENOEXEC },
		{ UINT64_MAX, 2, -ENOEXEC }, { 0, 2, 0 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		struct program *p = program_create(exit_42, sizeof(exit_42));

		p->phdr[0].p_type = PT_INTERP;
		p->phdr[0].p_offset = names[i].off;
		p->phdr[0].p_filesz = names[i].size;
		EXPECT_EQ(load(p, PROGRAM_SIZE), names[i].want);
		kfree(p);
	}
}

KTEST(elf, no_segment_is_refused)
{
	struct program *p = program_create(exit_42, sizeof(exit_42));

	p->phdr[0].p_type = p->phdr[1].p_type = PT_NOTE;
	EXPECT_EQ(load(p, PROGRAM_SIZE), -ENOEXEC);
	kfree(p);
}

KTEST(elf, short_files_are_refused)
{
	struct program *p = program_create(exit_42, sizeof(exit_42));

	for (size_t size = 0; size < PROGRAM_SIZE; size += size < 256 ? 1 : 97)
		EXPECT_EQ(load(p, size), -ENOEXEC);
	EXPECT_EQ(load(p, PROGRAM_SIZE), 0);
	kfree(p);
}

KTEST(elf, what_is_no_program_is_not_run)
{
	struct program *p = program_create(exit_42, sizeof(exit_42));

	p->byte[0] = '#';
	EXPECT_EQ(program_run(p, 10000), STATUS_EXIT(126));
	kfree(p);
}

/* More than there is room for: found when it is mapped, after all checks. */
KTEST(elf, no_room_is_no_memory)
{
	struct program *p = program_create(exit_42, sizeof(exit_42));

	program_make_pie(p);
	p->phdr[1].p_memsz = USER_END_4 - 0x100000;
	EXPECT_EQ(load(p, PROGRAM_SIZE), -ENOMEM);
	kfree(p);
}

/* ---- noise ---- */

/* Interesting numbers, so that checks are met at their edges. */
static uint64_t odd_number(uint64_t *seed)
{
	static const uint64_t edges[] = {
		0, 1, 0xfff, 0x1000, 0x1001, USER_MIN, PROGRAM_CODE, PROGRAM_DATA, PROGRAM_SIZE,
		1ul << 32,
		USER_END_4 - 0x1000, USER_END_4, 1ul << 47, KERNEL_HALF, KERNEL_BASE, UINT64_MAX,
	};
	uint64_t r = random_next(seed);

	return r & 1 ? edges[r / 2 % ARRAY_SIZE(edges)] + (r >> 32) % 3 - 1 :
		       random_next(seed) >> r / 2 % 64;
}

/* Changes one to four places of the headers, by bytes or by whole words. */
static void mutate(struct program *p, uint64_t *seed)
{
	const size_t headers = sizeof(p->head) + sizeof(p->phdr);

	for (uint64_t n = random_next(seed) % 4 + 1; n; n--) {
		uint64_t v = odd_number(seed), at = random_next(seed) % (headers / 8) * 8;

		if (random_next(seed) & 1)
			p->byte[random_next(seed) % headers] = (uint8_t)v;
		else
			memcpy(p->byte + at, &v, 8);
	}
}

KTEST(elf, mutations_are_refused_or_mapped)
{
	struct program *good = program_create(exit_42, sizeof(exit_42)), *p = kmalloc(sizeof(*p));
	unsigned mapped = 0, refused = 0;
	uint64_t seed = 20200101;

	for (unsigned i = 0; i < 5000; i++) {
		int err;

		*p = *good;
		if (i & 1)
			program_make_pie(p);
		mutate(p, &seed);
		if (p->phdr[0].p_type == PT_INTERP || p->phdr[1].p_type == PT_INTERP)
			continue;
		err = load(p, PROGRAM_SIZE);
		if (err && err != -ENOEXEC && err != -ENOMEM)
			ktest_fail(__FILE__, __LINE__, "mutation %u: %d", i, err);
		mapped += !err;
		refused += err != 0;
	}
	ktest_note("%u mapped, %u refused", mapped, refused);
	EXPECT(mapped > 100 && refused > 100);
	kfree(p);
	kfree(good);
}

/* Those that can be mapped are run: they end, by themselves or by a signal. */
KTEST(elf, mutations_run_and_end)
{
	struct program *good = program_create(exit_42, sizeof(exit_42)), *p = kmalloc(sizeof(*p));
	unsigned ran = 0, exited = 0;
	uint64_t seed = 42;

	while (ran < 32) {
		int status;

		*p = *good;
		mutate(p, &seed);
		if (load(p, PROGRAM_SIZE))
			continue;
		status = program_run(p, 500);
		exited += status == STATUS_EXIT(42);
		EXPECT((status & 0x7f) || status == STATUS_EXIT(42) || status == STATUS_EXIT(126));
		ran++;
	}
	ktest_note("%u of %u exited", exited, ran);
	kfree(p);
	kfree(good);
}
