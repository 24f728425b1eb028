// sources: tests/host/fake.c tests/host/fake_ram.c tests/host/fake_tlb.c tests/host/fake_core.c lib/lock.c lib/lz4.c
// sources: mm/alloc/*.c mm/pt/[!k]*.c mm/obj/*.c mm/reclaim/[!k]*.c mm/vm/[!k]*.c
/*
 * A write fault copies a page while another thread changes what is there: the
 * copy is not wanted any more when it is made, and must not be mapped.
 */
#include <tests/host/mm_machine.h>
#include <linux/mman.h>

static bool gave_up;

static void given_up(void)
{
	if (gave_up)
		return;
	gave_up = true;
	CHECK_EQ(mm_madvise(mm_loaded, USER_MIN, PAGE_SIZE, MADV_DONTNEED), 0);
}

static void given_up_and_read(void)
{
	uint64_t *word;

	if (gave_up)
		return;
	given_up();
	CHECK_EQ(touch(USER_MIN, ACCESS_READ, &word), FAULT_OK);
}

/*
 * A page that somebody else holds is to be copied for a write; while that is
 * done, `fn` changes what is there: the write must not meet the old content.
 */
static void stale_copy(struct object *o, void (*fn)(void), uint64_t want)
{
	struct page *p;
	uint64_t *word;
	struct mm *mm;

	mm_machine(4);
	mm_load(mm_create());
	gave_up = false;
	CHECK_EQ(mm_mmap(mm_loaded, USER_MIN, PAGE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_FIXED | (o ? 0 : MAP_ANONYMOUS), o, 3), USER_MIN);
	CHECK_EQ(touch(USER_MIN, ACCESS_WRITE, &word), FAULT_OK);
	*word = 0x01d;
	p = virt_to_page(word);
	page_get(p);
	CHECK_EQ(mm_mprotect(mm_loaded, USER_MIN, PAGE_SIZE, PROT_READ), 0);
	CHECK_EQ(mm_mprotect(mm_loaded, USER_MIN, PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
	mm_between = fn;
	CHECK_EQ(touch(USER_MIN, ACCESS_WRITE, &word), FAULT_OK);
	mm_between = NULL;
	CHECK_EQ(*word, want);
	CHECK(virt_to_page(word) != p && p->slots == 0 && p->refs == 1);
	page_put(p);
	mm = mm_loaded;
	mm_load(NULL);
	mm_put(mm);
	mm_machine_end();
}

static void held_anonymous_page(void)
{
	stale_copy(NULL, NULL, 0x01d);
	stale_copy(NULL, given_up, 0);
	stale_copy(NULL, given_up_and_read, 0);
}

static void held_copy_of_a_file(void)
{
	stale_copy(&file[0], NULL, 0x01d);
	stale_copy(&file[0], given_up, file_word(&file[0], 3));
	stale_copy(&file[0], given_up_and_read, file_word(&file[0], 3));
}

int main(void)
{
	TAP_RUN(held_anonymous_page);
	TAP_RUN(held_copy_of_a_file);
	return tap_done();
}
