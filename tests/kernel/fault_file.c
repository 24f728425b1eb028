/*
 * The page fault in mappings of objects: the second half of the drawing in
 * mm/vm/fault.c.
 */
#include <tests/kernel/mmtest.h>
#include <mm/vm/fault.h>

static enum fault_result fault(unsigned page, unsigned access)
{
	return vm_fault(mt_mm, mt_va(page), access | ACCESS_USER);
}

static struct mt_file file;

static void begin(uint64_t pages)
{
	mt_begin();
	mt_file_init(&file, pages * PAGE_SIZE);
}

static void end(void)
{
	mt_end();
	object_put(&file.obj);
}

KTEST(fault_file, read_maps_the_cached_page)
{
	struct page *p;

	begin(8);
	EXPECT(mt_map(0, 8, PROT_READ, MAP_PRIVATE, &file.obj, 0));
	EXPECT_EQ(mt_read(3), 4);
	p = mt_page(3);
	EXPECT_EQ(mt_kind(3), PTE_PRESENT);
	EXPECT_EQ(p->kind, PAGE_FILE);
	EXPECT_EQ(p->owner, &file.obj);
	EXPECT_EQ(p->slots, 1);
	EXPECT_EQ(p->refs, 2);
	EXPECT_EQ(file.fills, 1);
	EXPECT_EQ(mt_figures().file, 1);
	EXPECT_EQ(mt_figures().majflt, 1);	/* its fill is I/O */
	EXPECT_EQ(mt_figures().minflt, 0);
	EXPECT_EQ(mt_read(3), 4);
	EXPECT_EQ(file.fills, 1);
	end();
}

/* Offsets into the file, and mappings that begin in the middle of a window. */
KTEST(fault_file, read_at_an_offset)
{
	begin(100);
	EXPECT(mt_map(5, 20, PROT_READ, MAP_PRIVATE, &file.obj, 33));
	EXPECT_EQ(mt_read(5), 34);
	EXPECT_EQ(mt_read(24), 53);
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(5), 10 * PAGE_SIZE), 0);
	EXPECT_EQ(mt_read(15), 44);
	EXPECT_EQ(mt_read(14), ~0ul);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(17), PAGE_SIZE, RW), 0);
	EXPECT_EQ(mt_read(17), 46);
	EXPECT_EQ(mt_read(18), 47);
	end();
}

/* One fault maps what is cached of its window, aligned, and nothing else. */
KTEST(fault_file, fault_around)
{
	uint64_t around = vm_event_sum(FAULT_AROUND), asked = fault_around_pages, word;

	begin(64);
	fault_around_pages = 16;
	EXPECT(mt_map(0, 64, PROT_READ, MAP_PRIVATE, &file.obj, 0));
	for (unsigned i = 18; i < 40; i += 2)
		EXPECT_EQ(object_read_kernel(&file.obj, i * PAGE_SIZE, &word, 8), 8);
	EXPECT_EQ(mt_read(20), 21);
	for (unsigned i = 0; i < 64; i++)
		EXPECT_EQ(mt_kind(i), i >= 18 && i < 32 && i % 2 == 0 ? PTE_PRESENT : PTE_NONE);
	EXPECT_EQ(vm_event_sum(FAULT_AROUND), around + 6);
	EXPECT_EQ(mt_figures().file, 7);
	EXPECT_EQ(mt_figures().minflt, 1);
	EXPECT_EQ(mt_read(30), 31);
	EXPECT_EQ(mt_figures().minflt, 1);
	fault_around_pages = 1;
	EXPECT_EQ(mt_read(34), 35);
	EXPECT_EQ(mt_kind(36), PTE_NONE);
	EXPECT_EQ(mt_figures().file, 8);
	fault_around_pages = asked;
	end();
}

KTEST(fault_file, private_write_copies)
{
	uint64_t word;

	begin(4);
	EXPECT(mt_map(0, 4, RW, MAP_PRIVATE, &file.obj, 0));
	EXPECT_EQ(mt_write(0, 100), 0);		/* nothing there yet */
	EXPECT_EQ(mt_read(1), 2);
	EXPECT(!pte_writable(mt_entry(1)));
	EXPECT_EQ(mt_write(1, 101), 0);		/* the cached page is there */
	EXPECT_EQ(mt_read(0), 100);
	EXPECT_EQ(mt_read(1), 101);
	for (unsigned i = 0; i < 2; i++) {
		EXPECT_EQ(mt_page(i)->kind, PAGE_ANON);
		EXPECT_EQ(object_read_kernel(&file.obj, i * PAGE_SIZE, &word, 8), 8);
		EXPECT_EQ(word, i + 1);
	}
	EXPECT_EQ(mt_figures().anon, 2);
	EXPECT_EQ(mt_figures().file, 0);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(0), PAGE_SIZE, PROT_READ), 0);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(0), PAGE_SIZE, RW), 0);
	EXPECT_EQ(mt_write(0, 102), 0);		/* its own page: in place */
	EXPECT_EQ(mt_figures().anon, 2);
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(0), 4 * PAGE_SIZE, MADV_DONTNEED), 0);
	EXPECT_EQ(mt_read(0), 1);		/* the file again */
	end();
}

KTEST(fault_file, shared_file_is_read_only)
{
	begin(2);
	EXPECT(mt_map(0, 2, PROT_READ, MAP_SHARED, &file.obj, 0));
	EXPECT_EQ(mt_read(1), 2);
	EXPECT_EQ(mt_write(1, 9), -EFAULT);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(0), PAGE_SIZE, RW), -EACCES);
	EXPECT_EQ(mm_mmap(mt_mm, 0, PAGE_SIZE, RW, MAP_SHARED, &file.obj, 0), -EACCES);
	end();
}

/* Both see what either writes; what is unmapped is not lost. */
KTEST(fault_file, shared_memory)
{
	struct object *o = shm_create(8 * PAGE_SIZE);

	mt_begin();
	EXPECT(mt_map(0, 8, RW, MAP_SHARED, o, 0));
	EXPECT(mt_map(20, 8, RW, MAP_SHARED, o, 0));
	EXPECT_EQ(mt_read(0), 0);
	EXPECT_EQ(mt_write(20, 5), 0);
	EXPECT_EQ(mt_read(0), 5);
	EXPECT_EQ(mt_write(0, 6), 0);
	EXPECT_EQ(mt_read(20), 6);
	EXPECT_EQ(mt_page(0), mt_page(20));
	EXPECT_EQ(mt_page(0)->slots, 2);
	EXPECT_EQ(mt_page(0)->refs, 3);
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(0), 8 * PAGE_SIZE, MADV_DONTNEED), 0);
	EXPECT_EQ(mt_read(0), 6);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(0), PAGE_SIZE, PROT_READ), 0);
	EXPECT_EQ(mt_write(0, 7), -EFAULT);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(0), PAGE_SIZE, RW), 0);
	EXPECT_EQ(mt_write(0, 7), 0);		/* W back, no copy */
	EXPECT_EQ(mt_read(20), 7);
	EXPECT_EQ(mt_figures().majflt, 0);
	EXPECT_EQ(objects_drop_clean(), 0);
	mt_end();
	EXPECT_EQ(o->npages, 1);
	object_put(o);
}

KTEST(fault_file, shared_anonymous)
{
	mt_begin();
	EXPECT(mt_map(0, 4, RW, MAP_SHARED | MAP_ANONYMOUS, NULL, 0));
	EXPECT_EQ(mt_read(1), 0);
	EXPECT_EQ(mt_write(1, 3), 0);
	EXPECT_EQ(mt_read(1), 3);
	EXPECT_EQ(mt_page(1)->kind, PAGE_FILE);
	EXPECT_EQ(mt_figures().anon, 0);
	mt_end();
}

KTEST(fault_file, past_the_end_is_a_bus_error)
{
	begin(3);
	file.obj.size -= 10;
	EXPECT(mt_map(0, 6, RW, MAP_PRIVATE, &file.obj, 0));
	EXPECT_EQ(fault(2, ACCESS_READ), FAULT_OK);
	EXPECT_EQ(fault(3, ACCESS_READ), FAULT_BUS);
	EXPECT_EQ(fault(3, ACCESS_WRITE), FAULT_BUS);
	EXPECT_EQ(mt_read(5), ~0ul);
	end();
}

KTEST(fault_file, failed_io_is_a_bus_error)
{
	begin(3);
	EXPECT(mt_map(0, 3, RW, MAP_PRIVATE, &file.obj, 0));
	file.error = -EIO;
	EXPECT_EQ(fault(0, ACCESS_READ), FAULT_BUS);
	EXPECT_EQ(fault(1, ACCESS_WRITE), FAULT_BUS);
	EXPECT_EQ(file.obj.npages, 0);
	EXPECT_EQ(file.fills, 2);
	file.error = 0;
	EXPECT_EQ(mt_read(0), 1);
	end();
}

/* Every allocation of a file's fault and of a copy fails in turn. */
KTEST(fault_file, out_of_memory)
{
	begin(4);
	EXPECT(mt_map(0, 4, RW, MAP_PRIVATE, &file.obj, 0));
	for (unsigned page = 0; page < 2; page++) {
		unsigned failed = 0;

		for (unsigned n = 1; n < 10; n++) {
			enum fault_result r;

			objects_drop_clean();
			page_fail_nth = n;
			r = fault(page, page ? ACCESS_WRITE : ACCESS_READ);
			if (page_fail_nth)
				break;
			failed++;
			/* a cached page that could be dropped may have saved it */
			EXPECT(r == FAULT_OOM || r == FAULT_OK);
			EXPECT_EQ(r == FAULT_OK, mt_kind(page) != PTE_NONE);
			EXPECT_EQ(mm_madvise(mt_mm, mt_va(0), 4 * PAGE_SIZE, MADV_DONTNEED), 0);
		}
		page_fail_nth = 0;
		EXPECT(failed >= 2);
		EXPECT_EQ(mt_read(page), page + 1);
	}
	end();
}
