/* A file that is cut and grows while all have it mapped. */
#include "torture.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int file;
static unsigned char *file_at;

static uint64_t file_value(unsigned page, unsigned n)
{
	return 0x1000000 + page * 64 + n;
}

/* A word of the file is what its thread writes there, or zero, or not there. */
static void file_look(struct me *m, unsigned char *at, unsigned page, unsigned n)
{
	uint64_t *word = (uint64_t *)(at + page * PAGE) + n, got;

	if (try_read(word, &got)) {
		if (got && got != file_value(page, n))
			wrong(m, "page %u of the file, word %u: %lx", page, n, got);
	} else if (fault_signal != SIGBUS || fault_at != word) {
		wrong(m, "page %u of the file: signal %d at %p", page, fault_signal, fault_at);
	}
}

static void file_use(struct me *m, unsigned char *at)
{
	for (unsigned i = 0; i < 12; i++) {
		unsigned page = chance(m, FILE_PAGES);

		(void)try_set((uint64_t *)(at + page * PAGE) + m->n, file_value(page, m->n));
		file_look(m, at, page, m->n);
		file_look(m, at, chance(m, FILE_PAGES), chance(m, nthreads));
	}
}

void file_step(struct me *m)
{
	unsigned char *at;

	switch (chance(m, 3)) {
	case 0:
		must(m, ftruncate(file, chance(m, FILE_PAGES) * PAGE) == 0);
		must(m, ftruncate(file, FILE_PAGES * PAGE) == 0);
		break;
	case 1:
		at = map(NULL, FILE_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file);
		must(m, at != MAP_FAILED);
		file_use(m, at);
		must(m, unmap(at, FILE_PAGES * PAGE) == 0);
		break;
	default:
		file_use(m, file_at);
	}
}

void file_begin(void)
{
	file = (int)syscall(SYS_memfd_create, "torture", 0);
	must(NULL, file >= 0 && ftruncate(file, FILE_PAGES * PAGE) == 0);
	file_at = map(NULL, FILE_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file);
	must(NULL, file_at != MAP_FAILED);
}
