/*
 * shmdt: all that is left of one attach goes, wherever mprotect and munmap have cut it.
 *
 * A mapping of the whole object at addr shows page n of it at addr + n pages: so do its parts, as long as they
 * are where they were. What mremap has taken elsewhere is no part any more.
 */
#include <mm/vm/map.h>

#include <linux/errno.h>

/* Does v show an object as if all of that was mapped at addr? */
static bool is_part(const struct vma *v, vaddr_t addr)
{
	return v->obj && v->start >= addr && v->pgoff == (v->start - addr) >> PAGE_SHIFT;
}

/* The first part of one of our objects among v and the VMAs above; NULL: there is none. */
static struct vma *first_part(struct vma *v, vaddr_t addr, bool (*ours)(const struct object *o))
{
	while (v && !(is_part(v, addr) && ours(v->obj)))
		v = vma_next(v);
	return v;
}

/* The same of obj alone, which has no parts beyond its size. */
static struct vma *next_part(struct vma *v, vaddr_t addr, const struct object *obj)
{
	size_t size = ALIGN_UP(obj->size, PAGE_SIZE);

	while (v && v->end - addr <= size && !(is_part(v, addr) && v->obj == obj))
		v = vma_next(v);
	return v && v->end - addr <= size ? v : NULL;
}

/* mm.lock held for writing. */
static int take_parts(struct mm *mm, vaddr_t addr, bool (*ours)(const struct object *o), struct vma **dead)
{
	struct vma *v = first_part(vma_find(mm, addr), addr, ours);
	struct object *obj = v ? v->obj : NULL;
	int err = v ? 0 : -EINVAL;

	while (!err && v) {
		vaddr_t end = v->end;

		err = map_take_out(mm, v->start, end, dead);
		v = next_part(vma_find(mm, end), addr, obj);	/* the dead ones keep it */
	}
	return err;
}

int mm_detach(struct mm *mm, vaddr_t addr, bool (*ours)(const struct object *o))
{
	struct vma *dead = NULL;
	int err;

	if (!IS_ALIGNED(addr, PAGE_SIZE))
		return -EINVAL;
	mm_write_lock(mm);
	err = take_parts(mm, addr, ours, &dead);
	mm_write_unlock(mm);
	vma_bury(dead);
	return err;
}
