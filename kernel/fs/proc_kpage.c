/*
 * /proc/kpageflags, /proc/kpagecount: a word of 64 bits for each frame of RAM, by its number, which
 * /proc/PID/pagemap tells.
 */
#include <kernel/fs/proc.h>
#include <arch/uaccess.h>
#include <linux/errno.h>
#include <mm/alloc/slab.h>
#include <mm/mm.h>

#define WORDS	(PAGE_SIZE / sizeof(uint64_t))

typedef int fill_fn(uint64_t frame, unsigned n, uint64_t *out);

static int fill_flags(uint64_t frame, unsigned n, uint64_t *out)
{
	for (unsigned i = 0; i < n; i++)
		out[i] = mm_frame_flags(frame + i);
	return 0;
}

/* From word `at` on, n words that there are. */
static ssize_t copy_words(fill_fn *fill, uint64_t __user *to, size_t n, uint64_t at, uint64_t *words)
{
	size_t done = 0;

	while (done < n) {
		unsigned part = (unsigned)MIN(n - done, WORDS);
		int err = fill(at + done, part, words);

		if (!err && copy_to_user(to + done, words, part * sizeof(*words)))
			err = -EFAULT;
		if (err)
			return done ? (ssize_t)(done * sizeof(*words)) : err;
		done += part;
	}
	return (ssize_t)(done * sizeof(*words));
}

static ssize_t read_words(fill_fn *fill, void __user *buf, size_t n, uint64_t off)
{
	uint64_t end = mm_frame_end(), at = off / sizeof(uint64_t), *words;
	ssize_t r;

	if (off % sizeof(uint64_t) || n % sizeof(uint64_t))
		return -EINVAL;
	if (at >= end)
		return 0;
	words = kmalloc(PAGE_SIZE);
	if (!words)
		return -ENOMEM;
	r = copy_words(fill, buf, MIN(n / sizeof(uint64_t), end - at), at, words);
	kfree(words);
	return r;
}

static ssize_t read_flags(int pid, void __user *buf, size_t n, uint64_t off)
{
	(void)pid;
	return read_words(fill_flags, buf, n, off);
}
PROC_FILE(kpageflags, .path = "/proc/kpageflags", .mode = S_IFREG | 0400, .read = read_flags);

static ssize_t read_count(int pid, void __user *buf, size_t n, uint64_t off)
{
	(void)pid;
	return read_words(mm_frame_counts, buf, n, off);
}
PROC_FILE(kpagecount, .path = "/proc/kpagecount", .mode = S_IFREG | 0400, .read = read_count);
