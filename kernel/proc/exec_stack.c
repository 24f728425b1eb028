/*
 * What a new program finds on its stack (System V ABI, AMD64 supplement 3.4.1):
 *
 *	top	8 zero bytes
 *		the strings: argv, envp, the file's name
 *		"x86_64", 16 random bytes
 *		auxv, ended by AT_NULL
 *		envp, ended by NULL
 *		argv, ended by NULL
 *	sp	argc			(sp is a multiple of 16)
 */
#include <kernel/proc/exec.h>
#include <arch/cpu.h>
#include <cpuid.h>
#include <kernel/proc/cred.h>
#include <kernel/proc/elf.h>
#include <lib/assert.h>
#include <lib/string.h>
#include <linux/auxvec.h>
#include <linux/errno.h>
#include <mm/mm.h>

#define AUXV_MAX	24
#define PLATFORM	"x86_64"
#define CLKTCK		100
#define SIGFRAME_FIXED	1024		/* of a signal frame, what is not FPU state; rounded up */

struct auxv {
	uint64_t word[2 * AUXV_MAX];
	unsigned n;
};

struct builder {
	const struct exec_args *args;
	vaddr_t strings;		/* where the first one lies */
	vaddr_t at;			/* the next word goes here */
	size_t pos;			/* in the strings: the next one to point to */
};

static void aux(struct auxv *v, uint64_t type, uint64_t value)
{
	assert(v->n + 2 <= 2 * AUXV_MAX);
	v->word[v->n++] = type;
	v->word[v->n++] = value;
}

/* CPUID leaf 1 EDX is what Linux calls AT_HWCAP here. */
static uint64_t hwcap(void)
{
	unsigned a, b, c, d;

	return __get_cpuid(1, &a, &b, &c, &d) ? d : 0;
}

static uint64_t hwcap2(void)
{
	return arch_features.fsgsbase ? 1u << 1 : 0;
}

static void fill_auxv(struct auxv *v, const struct elf *e, vaddr_t name, vaddr_t platform,
		      vaddr_t random, vaddr_t base)
{
	const struct cred *c = cred_current();

	v->n = 0;
	aux(v, AT_MINSIGSTKSZ, ALIGN_UP(arch_features.xsave_size + SIGFRAME_FIXED, 64));
	aux(v, AT_HWCAP, hwcap());
	aux(v, AT_PAGESZ, PAGE_SIZE);
	aux(v, AT_CLKTCK, CLKTCK);
	aux(v, AT_PHDR, elf_phdr_address(e));
	aux(v, AT_PHENT, sizeof(struct elf64_phdr));
	aux(v, AT_PHNUM, e->head.e_phnum);
	aux(v, AT_BASE, base);
	aux(v, AT_FLAGS, 0);
	aux(v, AT_ENTRY, elf_entry(e));
	aux(v, AT_UID, c->uid);
	aux(v, AT_EUID, c->euid);
	aux(v, AT_GID, c->gid);
	aux(v, AT_EGID, c->egid);
	aux(v, AT_SECURE, 0);
	aux(v, AT_RANDOM, random);
	aux(v, AT_HWCAP2, hwcap2());
	aux(v, AT_EXECFN, name);
	aux(v, AT_PLATFORM, platform);
	aux(v, AT_NULL, 0);
}

static const char *string_page(const struct exec_args *a, size_t pos)
{
	return (const char *)page_to_virt(a->page[pos >> PAGE_SHIFT]);
}

static int copy_strings(const struct builder *b)
{
	for (size_t pos = 0; pos < b->args->len; pos += PAGE_SIZE) {
		size_t n = MIN(b->args->len - pos, PAGE_SIZE);

		if (copy_to_user((void __user *)(b->strings + pos), string_page(b->args, pos), n))
			return -ENOMEM;
	}
	return 0;
}

static int put_word(struct builder *b, uint64_t v)
{
	int err = put_user_u64(v, (uint64_t __user *)b->at);

	b->at += 8;
	return err;
}

static int put_pointers(struct builder *b, unsigned n)
{
	int err = 0;

	while (n-- && !err) {
		err = put_word(b, b->strings + b->pos);
		b->pos = exec_args_next(b->args, b->pos);
	}
	return err ? err : put_word(b, 0);
}

static int put_vectors(struct builder *b, const struct auxv *v)
{
	int err = put_word(b, b->args->argc);

	if (!err)
		err = put_pointers(b, b->args->argc);
	if (!err)
		err = put_pointers(b, b->args->envc);
	if (!err && copy_to_user((void __user *)b->at, v->word, v->n * 8))
		err = -ENOMEM;
	return err ? -ENOMEM : 0;
}

void exec_stack_layout(vaddr_t top, const struct exec_args *a, struct mm_layout *l)
{
	vaddr_t strings = top - 8 - a->len;

	l->arg_start = strings;
	l->arg_end = l->env_start = strings + exec_args_find(a, a->argc);
	l->env_end = strings + exec_args_find(a, a->argc + a->envc);
}

int exec_build_stack(vaddr_t top, const struct exec_args *a, const struct elf *e, vaddr_t base,
		     vaddr_t *sp)
{
	vaddr_t strings = top - 8 - a->len;
	vaddr_t platform = strings - sizeof(PLATFORM);
	vaddr_t random = ALIGN_DOWN(platform - 16, 16);
	uint64_t bits[2] = { arch_random(), arch_random() };
	struct builder b = { .args = a, .strings = strings };
	struct auxv v;
	size_t words;
	int err;

	fill_auxv(&v, e, strings + exec_args_find(a, a->argc + a->envc), platform, random, base);
	words = 1 + a->argc + 1 + a->envc + 1 + v.n;
	b.at = *sp = ALIGN_DOWN(random - words * 8, 16);
	err = copy_strings(&b);
	if (!err)
		err = put_vectors(&b, &v);
	if (!err && (copy_to_user((void __user *)platform, PLATFORM, sizeof(PLATFORM)) ||
		     copy_to_user((void __user *)random, bits, sizeof(bits))))
		err = -ENOMEM;
	return err;
}
