/*
 * Memory objects: zeros until somebody writes. An unnamed one is what
 * MAP_SHARED|MAP_ANONYMOUS maps; its pages are the only copy of their
 * content, so they stay until the last reference goes.
 */
#include <mm/obj/object.h>
#include <mm/alloc/slab.h>

int memory_fill(struct object *o, uint64_t index, struct page *p)
{
	(void)o, (void)index;
	clear_page(page_to_virt(p));
	return 0;
}

static void shm_release(struct object *o)
{
	kfree(o);
}

static const struct object_ops shm_ops = {
	.fill = memory_fill,
	.release = shm_release,
	.memory = true,
};

struct object *shm_create(uint64_t size)
{
	struct object *o = kmalloc(sizeof(*o));

	if (!o)
		return NULL;
	object_init(o, &shm_ops, size);
	o->writable = true;
	return o;
}
