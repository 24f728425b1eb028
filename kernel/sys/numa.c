/*
 * Calls about memory of several nodes, as on a machine with one: node 0 has all. Every policy that names it is
 * kept, of the process; of a range it is checked, true in any case, and not kept.
 */
#include <kernel/fs/uio.h>
#include <kernel/proc/look.h>
#include <kernel/sys/syscall.h>
#include <linux/mempolicy.h>
#include <mm/mm.h>

#define MODE_FLAGS	((unsigned)(MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES))
#define NODES_MAX	(PAGE_SIZE * 8)	/* bits that a program may give */

/* The nodes of a mask of so many bits, less one, as Linux counts: *nodes bit 0: node 0. Others are not there. */
static int get_nodes(const uint64_t __user *from, uint64_t max, bool *node0, bool *any)
{
	uint64_t word;

	*node0 = *any = false;
	if (!from || max <= 1)
		return 0;
	if (--max > NODES_MAX)
		return -EINVAL;
	for (uint64_t bit = 0; bit < max; bit += 64) {
		if (get_user_u64(&word, from + bit / 64))
			return -EFAULT;
		if (max - bit < 64)
			word &= (1ul << (max - bit)) - 1;
		*node0 |= !bit && word & 1;
		*any |= word != 0;
	}
	return 0;
}

/* Of set_mempolicy(2) and mbind(2). *has0: it names node 0. */
static int check_policy(unsigned mode, const uint64_t __user *from, uint64_t max, bool *has0)
{
	unsigned flags = mode & MODE_FLAGS;
	bool any;
	int err;

	mode &= ~MODE_FLAGS;
	if (mode > MPOL_PREFERRED_MANY || flags == MODE_FLAGS)
		return -EINVAL;
	err = get_nodes(from, max, has0, &any);
	if (err)
		return err;
	if (mode == MPOL_DEFAULT)
		return any ? -EINVAL : 0;
	if (mode == MPOL_LOCAL || (mode == MPOL_PREFERRED && !any))
		return any || flags ? -EINVAL : 0;
	return *has0 ? 0 : -EINVAL;
}

SYSCALL3(set_mempolicy, unsigned, mode, const uint64_t __user *, nodes, uint64_t, max)
{
	struct process *p = current_process();
	bool has0;
	int err = check_policy(mode, nodes, max, &has0);

	if (err)
		return err;
	if (mode == MPOL_PREFERRED && !has0)
		mode = MPOL_LOCAL;
	p->mempolicy = (struct mempolicy){ (uint16_t)mode, has0 };
	return 0;
}

static long put_nodes(uint64_t __user *to, uint64_t max, bool node0)
{
	uint64_t words = ALIGN_UP(max - 1, 64) / 64;

	if (words > PAGE_SIZE / 8)
		return -EINVAL;
	for (uint64_t i = 0; i < words; i++)
		if (put_user_u64(!i && node0, to + i))
			return -EFAULT;
	return 0;
}

static int covers(const struct vma_info *v, void *arg)
{
	vaddr_t *at = arg;

	if (v->start <= *at && *at < v->end)
		*at = v->end;
	return 0;
}

/* Is all of it mapped? */
static bool is_mapped(vaddr_t start, vaddr_t end)
{
	vaddr_t at = start;
	int err = mm_for_each_vma(current_process()->mm, 0, covers, &at);

	return !err && at >= end;
}

/* What flags ask for: the policy, or with MPOL_F_NODE a node, which is the one. */
static int find_policy(vaddr_t addr, uint64_t flags, struct mempolicy *found)
{
	*found = (struct mempolicy){ MPOL_DEFAULT, false };
	if (flags & ~(uint64_t)(MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED))
		return -EINVAL;
	if (flags & MPOL_F_MEMS_ALLOWED) {
		found->node0 = true;
		return flags & (MPOL_F_NODE | MPOL_F_ADDR) ? -EINVAL : 0;
	}
	if (flags & MPOL_F_ADDR)
		return is_mapped(addr, addr + 1) ? 0 : -EFAULT;
	if (addr || flags & MPOL_F_NODE)
		return -EINVAL;
	*found = current_process()->mempolicy;
	return 0;
}

SYSCALL5(get_mempolicy, uint32_t __user *, policy, uint64_t __user *, nodes, uint64_t, max, vaddr_t, addr,
	 uint64_t, flags)
{
	struct mempolicy found;
	int err = nodes && !max ? -EINVAL : find_policy(addr, flags, &found);

	if (err)
		return err;
	if (policy && put_user_u32(found.mode, policy))
		return -EFAULT;
	return nodes ? put_nodes(nodes, max, found.node0) : 0;
}

SYSCALL6(mbind, vaddr_t, start, size_t, len, unsigned, mode, const uint64_t __user *, nodes, uint64_t, max,
	 unsigned, flags)
{
	vaddr_t end = start + ALIGN_UP(len, PAGE_SIZE);
	bool has0;
	int err;

	if (flags & ~(unsigned)MPOL_MF_VALID || start % PAGE_SIZE || end < start)
		return -EINVAL;
	if (flags & MPOL_MF_MOVE_ALL && !cred_is_privileged(cred_current()))
		return -EPERM;
	err = check_policy(mode, nodes, max, &has0);
	if (err || end == start)
		return err;
	return is_mapped(start, end) ? 0 : -EFAULT;
}

SYSCALL4(migrate_pages, int, pid, uint64_t, max, const uint64_t __user *, from, const uint64_t __user *, to)
{
	bool any, from0, to0;
	int err = get_nodes(from, max, &from0, &any);
	struct mm *mm;

	if (!err)
		err = get_nodes(to, max, &to0, &any);
	if (!err)
		err = process_get_mm_inside(pid ? pid : current_process()->pid, &mm);
	if (err)
		return err;
	mm_put(mm);
	return to0 ? 0 : -EINVAL;
}
