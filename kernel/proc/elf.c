/*
 * The ELF loader.
 *
 * Refused with ENOEXEC: anything but ELF64, little-endian, x86-64, EXEC or
 * DYN; headers, or an interpreter's name, outside of the file; no segment to load; segments that leave the user's half, overlap
 * by so much as a page, go down in address, hold more of the file than of
 * memory, reach past the file's end, or whose address and offset differ
 * within a page; alignments that are no power of two; an entry point outside
 * of the user's half (iretq would fault on it).
 *
 * A segment becomes a private mapping of the file's object for the pages with
 * file content, and an anonymous one for the rest. What follows the content
 * in its last page is zeroed once the address space can be written to.
 *
 * System V ABI, ch. 5; its AMD64 supplement.
 */
#include <kernel/proc/elf.h>
#include <arch/layout.h>
#include <arch/uaccess.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/mman.h>
#include <mm/alloc/slab.h>

#define PHDRS_BYTES_MAX	65536u		/* Linux's limit */
#define PIE_BASE	0x555555554000ul /* where Linux puts a program that can go anywhere */
#define PIE_RANDOM_BITS	28		/* of pages */

static vaddr_t page_down(vaddr_t v) { return v & PAGE_MASK; }
static vaddr_t page_up(vaddr_t v) { return (v + PAGE_SIZE - 1) & PAGE_MASK; }

/* All n bytes at off, or -ENOEXEC. */
static int read_exactly(struct object *file, uint64_t off, void *buf, size_t n)
{
	ssize_t got = object_read_kernel(file, off, buf, n);

	if (got < 0)
		return (int)got;
	return (size_t)got == n ? 0 : -ENOEXEC;
}

static int check_head(const struct elf64_hdr *h)
{
	const uint8_t *id = h->e_ident;

	if (memcmp(id, ELFMAG, SELFMAG) != 0 || id[EI_CLASS] != ELFCLASS64 ||
	    id[EI_DATA] != ELFDATA2LSB || id[EI_VERSION] != EV_CURRENT)
		return -ENOEXEC;
	if (h->e_machine != EM_X86_64 || (h->e_type != ET_EXEC && h->e_type != ET_DYN))
		return -ENOEXEC;
	if (h->e_phentsize != sizeof(struct elf64_phdr) || !h->e_phnum ||
	    h->e_phnum * sizeof(struct elf64_phdr) > PHDRS_BYTES_MAX)
		return -ENOEXEC;
	return 0;
}

/* One PT_LOAD; prev_end: where the one before it ends. Nothing here overflows: each sum is checked. */
static int check_load(const struct elf *e, const struct elf64_phdr *p, vaddr_t prev_end)
{
	uint64_t end, file_end;

	if (p->p_filesz > p->p_memsz || !p->p_memsz)
		return -ENOEXEC;
	if (__builtin_add_overflow(p->p_vaddr, p->p_memsz, &end) || end > USER_END_4)
		return -ENOEXEC;
	if (e->head.e_type == ET_EXEC && p->p_vaddr < USER_MIN)
		return -ENOEXEC;
	if (page_down(p->p_vaddr) < prev_end)
		return -ENOEXEC;
	if (p->p_align & (p->p_align - 1) || p->p_align > USER_END_4 / 2)
		return -ENOEXEC;
	if (!p->p_filesz)
		return 0;
	if (__builtin_add_overflow(p->p_offset, p->p_filesz, &file_end) || file_end > e->file->size)
		return -ENOEXEC;
	return (p->p_vaddr ^ p->p_offset) & (PAGE_SIZE - 1) ? -ENOEXEC : 0;
}

static int add_load(struct elf *e, const struct elf64_phdr *p)
{
	int err = check_load(e, p, e->high);

	if (err)
		return err;
	if (!e->high)
		e->low = page_down(p->p_vaddr);
	e->high = page_up(p->p_vaddr + p->p_memsz);
	e->align = MAX(e->align, p->p_align);
	return 0;
}

/* The first one counts. */
static int note_interpreter(struct elf *e, const struct elf64_phdr *p)
{
	uint64_t end;

	if (e->interp_size)
		return 0;
	if (p->p_filesz < 2 || p->p_filesz > PATH_MAX ||
	    __builtin_add_overflow(p->p_offset, p->p_filesz, &end) || end > e->file->size)
		return -ENOEXEC;
	e->interp_off = p->p_offset;
	e->interp_size = p->p_filesz;
	return 0;
}

int elf_interpreter(const struct elf *e, char *path)
{
	int err = read_exactly(e->file, e->interp_off, path, e->interp_size);

	if (err)
		return err;
	return path[e->interp_size - 1] ? -ENOEXEC : 0;
}

static int check_segments(struct elf *e)
{
	int err = 0;

	for (unsigned i = 0; i < e->head.e_phnum && !err; i++) {
		const struct elf64_phdr *p = &e->phdr[i];

		switch (p->p_type) {
		case PT_LOAD:
			if (p->p_memsz || p->p_filesz)
				err = add_load(e, p);
			break;
		case PT_INTERP:
			err = note_interpreter(e, p);
			break;
		case PT_GNU_STACK:
			e->exec_stack = p->p_flags & PF_X;
			break;
		}
	}
	if (!err && !e->high)
		err = -ENOEXEC;
	return err;
}

static int check_entry(const struct elf *e)
{
	return e->head.e_entry < USER_END_4 ? 0 : -ENOEXEC;
}

int elf_open(struct elf *e, struct object *file)
{
	size_t bytes;
	int err;

	*e = (struct elf){ .file = file, .align = PAGE_SIZE };
	err = read_exactly(file, 0, &e->head, sizeof(e->head));
	if (!err)
		err = check_head(&e->head);
	if (err)
		return err;
	bytes = e->head.e_phnum * sizeof(*e->phdr);
	e->phdr = kmalloc(bytes);
	if (!e->phdr)
		return -ENOMEM;
	err = read_exactly(file, e->head.e_phoff, e->phdr, bytes);
	if (!err)
		err = check_segments(e);
	if (!err)
		err = check_entry(e);
	if (err)
		elf_close(e);
	return err;
}

void elf_close(struct elf *e)
{
	kfree(e->phdr);
	e->phdr = NULL;
}

/* A place for a program that can go anywhere. */
static int choose_bias(struct elf *e, bool random)
{
	uint64_t base = PIE_BASE;

	if (random)
		base += (arch_random() & ((1ul << PIE_RANDOM_BITS) - 1)) << PAGE_SHIFT;
	e->bias = ALIGN_DOWN(base, e->align);
	if (e->bias + e->low < USER_MIN)
		e->bias += e->align;
	if (e->bias + e->high > USER_END_4 || e->bias + e->head.e_entry >= USER_END_4)
		return -ENOMEM;
	return 0;
}

static int segment_prot(const struct elf64_phdr *p)
{
	return (p->p_flags & PF_R ? PROT_READ : 0) | (p->p_flags & PF_W ? PROT_WRITE : 0) |
	       (p->p_flags & PF_X ? PROT_EXEC : 0);
}

static int map_part(struct mm *mm, vaddr_t start, vaddr_t end, int prot, struct object *file, uint64_t off)
{
	int flags = MAP_PRIVATE | MAP_FIXED_NOREPLACE | (file ? 0 : MAP_ANONYMOUS);
	long at;

	if (start >= end)
		return 0;
	at = mm_mmap(mm, start, end - start, prot, flags, file, off >> PAGE_SHIFT);
	return at < 0 ? (int)at : 0;
}

static int map_segment(const struct elf *e, const struct elf64_phdr *p, struct mm *mm)
{
	vaddr_t start = page_down(e->bias + p->p_vaddr);
	vaddr_t file_end = p->p_filesz ? page_up(e->bias + p->p_vaddr + p->p_filesz) : start;
	vaddr_t end = page_up(e->bias + p->p_vaddr + p->p_memsz);
	int err = map_part(mm, start, file_end, segment_prot(p), e->file, page_down(p->p_offset));

	return err ? err : map_part(mm, file_end, end, segment_prot(p), NULL, 0);
}

static bool is_loaded(const struct elf64_phdr *p)
{
	return p->p_type == PT_LOAD && p->p_memsz;
}

static int map_segments(const struct elf *e, struct mm *mm)
{
	int err = 0;

	for (unsigned i = 0; i < e->head.e_phnum && !err; i++)
		if (is_loaded(&e->phdr[i]))
			err = map_segment(e, &e->phdr[i], mm);
	return err;
}

int elf_map(struct elf *e, struct mm *mm, bool random)
{
	int err = e->head.e_type == ET_DYN ? choose_bias(e, random) : 0;

	if (!err)
		err = map_segments(e, mm);
	if (!err)
		mm_set_brk(mm, elf_end(e));
	return err;
}

/* Where mmap finds room for all of it, aligned as it asks. */
static int find_room(struct elf *e, struct mm *mm)
{
	size_t len = e->high - e->low + e->align;
	long at = mm_mmap(mm, 0, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);

	if (at < 0)
		return (int)at;
	e->bias = ALIGN_UP((vaddr_t)at, e->align) - ALIGN_DOWN(e->low, e->align);
	return mm_munmap(mm, (vaddr_t)at, len);
}

int elf_map_interpreter(struct elf *e, struct mm *mm)
{
	int err = e->head.e_type == ET_DYN ? find_room(e, mm) : 0;

	return err ? err : map_segments(e, mm);
}

/*
 * To the end of the page: a dynamic linker takes its first memory from there, and counts on zeros.
 * A segment that cannot be written keeps what the file holds there: nobody may rely on more.
 */
int elf_clear_tails(const struct elf *e)
{
	for (unsigned i = 0; i < e->head.e_phnum; i++) {
		const struct elf64_phdr *p = &e->phdr[i];
		vaddr_t from = e->bias + p->p_vaddr + p->p_filesz;

		if (!is_loaded(p) || !p->p_filesz || p->p_memsz == p->p_filesz || !(p->p_flags & PF_W))
			continue;
		if (clear_user((void __user *)from, page_up(from) - from))
			return -EFAULT;
	}
	return 0;
}

vaddr_t elf_phdr_address(const struct elf *e)
{
	uint64_t off = e->head.e_phoff;

	for (unsigned i = 0; i < e->head.e_phnum; i++) {
		const struct elf64_phdr *p = &e->phdr[i];

		if (is_loaded(p) && off >= p->p_offset && off - p->p_offset < p->p_filesz)
			return e->bias + p->p_vaddr + (off - p->p_offset);
	}
	return 0;
}

void elf_layout(const struct elf *e, struct mm_layout *l)
{
	l->code_start = UINT64_MAX;
	for (unsigned i = 0; i < e->head.e_phnum; i++) {
		const struct elf64_phdr *p = &e->phdr[i];
		vaddr_t start = e->bias + p->p_vaddr, end = start + p->p_filesz;

		if (!is_loaded(p))
			continue;
		if (p->p_flags & PF_X) {
			l->code_start = MIN(l->code_start, start);
			l->code_end = MAX(l->code_end, end);
		}
		l->data_start = MAX(l->data_start, start);
		l->data_end = MAX(l->data_end, end);
	}
	if (l->code_start > l->code_end)
		l->code_start = l->code_end;
}
