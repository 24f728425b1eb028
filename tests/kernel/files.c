/* Open files: the table of numbers, devices, directories' listings. */
#include <kernel/fs/file.h>
#include <kernel/fs/names.h>
#include <kernel/fs/path.h>
#include <lib/format.h>
#include <lib/ktest.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>

static struct file *open_null(void)
{
	struct node *n;
	struct file *f = NULL;

	EXPECT_EQ(path_lookup_const("/dev/null", &n), 0);
	EXPECT_EQ(file_open_node(n, O_RDWR, &f), 0);
	node_put(n);
	return f;
}

KTEST(files, numbers)
{
	struct file *f = open_null();
	struct files fs;

	EXPECT_EQ(files_init(&fs), 0);
	for (int i = 0; i < 100; i++) {
		file_get(f);
		EXPECT_EQ(files_add(&fs, f, 0, 100, i & 1), i);
	}
	EXPECT_EQ(files_add(&fs, f, 0, 100, false), -EMFILE);
	EXPECT_EQ(files_add(&fs, f, 50, 100, false), -EMFILE);
	EXPECT_EQ(files_close(&fs, 7), 0);
	EXPECT_EQ(files_close(&fs, 7), -EBADF);
	EXPECT_EQ(files_close(&fs, 70), 0);
	EXPECT_EQ(files_close(&fs, 100000), -EBADF);
	file_get(f);
	EXPECT_EQ(files_add(&fs, f, 8, 100, false), 70);
	EXPECT_EQ(files_get_cloexec(&fs, 70), 0);
	EXPECT_EQ(files_get_cloexec(&fs, 7), -EBADF);
	EXPECT_EQ(files_get_cloexec(&fs, 9), 1);
	EXPECT_EQ(files_set_cloexec(&fs, 9, false), 0);
	files_close_on_exec(&fs);
	EXPECT(files_get(&fs, 11) == NULL);
	for (unsigned fd = 9; fd <= 10; fd++) {
		EXPECT(files_get(&fs, fd) == f);
		file_put(f);
	}
	files_destroy(&fs);
	EXPECT_EQ(f->refs, 1);
	file_put(f);
}

KTEST(files, put_at)
{
	struct file *f = open_null(), *g = open_null();
	struct files fs;

	EXPECT_EQ(files_init(&fs), 0);
	file_get(f);
	EXPECT_EQ(files_put_at(&fs, f, 1000, FILES_MAX, false), 0);
	EXPECT_EQ(files_put_at(&fs, f, FILES_MAX, FILES_MAX * 2, false), -EBADF);
	EXPECT_EQ(files_put_at(&fs, f, 20, 20, false), -EBADF);
	file_get(g);
	EXPECT_EQ(files_put_at(&fs, g, 1000, FILES_MAX, true), 0);
	EXPECT_EQ(f->refs, 1);
	EXPECT_EQ(files_get_cloexec(&fs, 1000), 1);
	files_destroy(&fs);
	EXPECT_EQ(g->refs, 1);
	file_put(f);
	file_put(g);
}

KTEST(files, opening)
{
	struct node *dir, *file = node_create_file(0644, "text", 4);
	struct node *link = node_create_link("x", 1);
	struct node *dev = node_create(S_IFCHR | 0666);
	struct file *f;

	dev->rdev = 0x7777;
	EXPECT_EQ(path_lookup_const("/dev", &dir), 0);
	EXPECT_EQ(file_open_node(file, O_DIRECTORY, &f), -ENOTDIR);
	EXPECT_EQ(file_open_node(link, O_RDONLY, &f), -ELOOP);
	EXPECT_EQ(file_open_node(dir, O_WRONLY, &f), -EISDIR);
	EXPECT_EQ(file_open_node(dev, O_RDONLY, &f), -ENXIO);
	EXPECT_EQ(file_open_node(file, O_RDONLY, &f), 0);
	EXPECT_EQ(file_write(f, NULL, 1, NULL), -EBADF);
	EXPECT_EQ(file_seek(f, 3, SEEK_SET), 3);
	EXPECT_EQ(file_seek(f, -1, SEEK_END), 3);
	EXPECT_EQ(file_seek(f, 7, SEEK_CUR), 10);
	EXPECT_EQ(file_seek(f, INT64_MAX, SEEK_CUR), -EOVERFLOW);
	EXPECT_EQ(file_seek(f, -1, SEEK_SET), -EINVAL);
	EXPECT_EQ(file_seek(f, 0, 77), -EINVAL);
	EXPECT_EQ(file_seek(f, 1, SEEK_HOLE), 4);
	EXPECT_EQ(file_seek(f, 4, SEEK_DATA), -ENXIO);
	file_put(f);
	node_put(dir);
	node_put(file);
	node_put(link);
	node_put(dev);
}

/* A directory's names: each found, none twice, listed in the order they came. */
KTEST(files, large_directory)
{
	struct node *dir = node_create(S_IFDIR | 0755), *file = node_create_file(0644, "", 0);
	struct dirent *d;
	unsigned seen = 0;
	char name[16];

	for (unsigned i = 0; i < 2000; i++) {
		size_t n = scnprintf(name, sizeof(name), "%u", i * 7919 % 2000);

		EXPECT_EQ(dir_add(dir, name, n, file, false), 0);
		EXPECT_EQ(dir_add(dir, name, n, file, false), -EEXIST);
	}
	for (unsigned i = 0; i < 2000; i++) {
		size_t n = scnprintf(name, sizeof(name), "%u", i);

		EXPECT(dir_lookup(dir, name, n) == file);
	}
	EXPECT(dir_lookup(dir, "2000", 4) == NULL);
	EXPECT(dir_lookup(dir, "19", 1) == file);
	for (d = name_next(dir, 0); d; d = name_next(dir, d->seq)) {
		scnprintf(name, sizeof(name), "%u", seen++ * 7919 % 2000);
		EXPECT_EQ(strcmp(name, d->name), 0);
	}
	EXPECT_EQ(seen, 2000);
	EXPECT_EQ(file->nlink, 2000);
	node_put(dir);
	EXPECT_EQ(file->refs, 1);
	node_put(file);
}
