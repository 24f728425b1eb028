/* Tiny programs made by hand; see program.h. */
#include <tests/kernel/program.h>
#include <kernel/core/clock.h>
#include <kernel/proc/process.h>
#include <lib/assert.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <mm/alloc/slab.h>

#define LINK_BASE	0x400000ul

struct program *program_create(const void *code, size_t n)
{
	struct program *p = kzalloc(sizeof(*p));

	assert(p && n <= PAGE_SIZE);
	memcpy(p->head.e_ident, ELFMAG, SELFMAG);
	p->head.e_ident[EI_CLASS] = ELFCLASS64;
	p->head.e_ident[EI_DATA] = ELFDATA2LSB;
	p->head.e_ident[EI_VERSION] = EV_CURRENT;
	p->head.e_type = ET_EXEC;
	p->head.e_machine = EM_X86_64;
	p->head.e_version = EV_CURRENT;
	p->head.e_entry = PROGRAM_CODE;
	p->head.e_phoff = sizeof(p->head);
	p->head.e_ehsize = sizeof(p->head);
	p->head.e_phentsize = sizeof(p->phdr[0]);
	p->head.e_phnum = 2;
	p->phdr[0] = (struct elf64_phdr){
		.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_offset = 0x1000,
		.p_vaddr = PROGRAM_CODE,
		.p_filesz = PAGE_SIZE, .p_memsz = PAGE_SIZE, .p_align = PAGE_SIZE,
	};
	p->phdr[1] = (struct elf64_phdr){
		.p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_offset = 0x2000,
		.p_vaddr = PROGRAM_DATA,
		.p_filesz = PROGRAM_DATA_SIZE, .p_memsz = PROGRAM_MEM_SIZE, .p_align = PAGE_SIZE,
	};
	memcpy(p->byte + 0x1000, code, n);
	memset(p->byte + 0x2000, 0xda, PROGRAM_DATA_SIZE);
	return p;
}

void program_make_pie(struct program *p)
{
	p->head.e_type = ET_DYN;
	p->head.e_entry -= LINK_BASE;
	p->phdr[0].p_vaddr -= LINK_BASE;
	p->phdr[1].p_vaddr -= LINK_BASE;
}

struct node *program_file(const struct program *p, size_t size)
{
	struct node *n = node_create_file(0755, p, size);

	assert(n);
	return n;
}

int program_spawn(struct node *file, struct process **out)
{
	struct exec_args *args = exec_args_create();
	int err;

	if (!args)
		return -ENOMEM;
	args->argc = 1;
	err = exec_args_add(args, "tiny");
	if (!err)
		err = exec_args_add(args, "/tiny");
	if (err) {
		exec_args_free(args);
		return err;
	}
	return process_spawn(file, "tiny", args, out);
}

int program_run(const struct program *p, unsigned ms)
{
	struct node *file = node_create_file(0755, p, sizeof(*p));
	struct process *proc;
	int status = -ENOMEM;

	if (!file)
		return status;
	status = program_spawn(file, &proc);
	if (!status && process_wait_until(proc, clock_monotonic_ns() + ms * NS_PER_MS, &status)) {
		signal_raise(proc, SIGKILL);
		status = process_wait(proc);
	}
	node_put(file);
	return status;
}
