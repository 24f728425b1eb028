/*
 * The initramfs: archives that are sound, cut short, damaged or noise; what
 * becomes of them in the file tree.
 */
#include <kernel/fs/cpio.h>
#include <arch/types.h>
#include <kernel/fs/path.h>
#include <kernel/fs/rootfs.h>
#include <lib/assert.h>
#include <lib/format.h>
#include <lib/ktest.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <mm/alloc/slab.h>
#include <tests/kernel/program.h>

#define ARCHIVE_MAX	16384u

/* An archive being written. */
struct maker {
	uint8_t *data;
	size_t len;
	uint32_t ino;
};

struct extra { uint32_t ino, nlink, rdev_minor; };

static void pad(struct maker *m)
{
	while (m->len % 4)
		m->data[m->len++] = 0;
}

static void add_bytes(struct maker *m, const void *s, size_t n)
{
	assert(m->len + n + 8 <= ARCHIVE_MAX);
	memcpy(m->data + m->len, s, n);
	m->len += n;
	pad(m);
}

static void add_full(struct maker *m, const char *name, uint32_t mode, const char *content,
		     struct extra x)
{
	char head[111];
	size_t n = content ? strlen(content) : 0;

	snprintf(head, sizeof(head), "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
		 x.ino, mode, 1u, 2u, x.nlink, 77u, (unsigned)n, 0u, 0u, x.rdev_minor ? 1u : 0u, x.rdev_minor,
		 (unsigned)strlen(name) + 1, 0u);
	memcpy(m->data + m->len, head, 110);
	m->len += 110;
	add_bytes(m, name, strlen(name) + 1);
	add_bytes(m, content, n);
}

static void add(struct maker *m, const char *name, uint32_t mode, const char *content)
{
	add_full(m, name, mode, content, (struct extra){ .ino = ++m->ino, .nlink = 1 });
}

static void finish(struct maker *m)
{
	add_full(m, "TRAILER!!!", 0, NULL, (struct extra){ .nlink = 1 });
	while (m->len % 512)
		m->data[m->len++] = 0;
}

static void begin(struct maker *m)
{
	*m = (struct maker){ .data = kzalloc(ARCHIVE_MAX) };
	assert(m->data);
}

static void make_good(struct maker *m)
{
	begin(m);
	add(m, ".", S_IFDIR | 0755, NULL);
	add(m, "bin", S_IFDIR | 0711, NULL);
	add(m, "bin/a", S_IFREG | 0755, "content of a");
	add(m, "/deep/er/file", S_IFREG | 0644, "below directories that nobody listed");
	add(m, "link", S_IFLNK | 0777, "bin/a");
	add(m, "dirlink", S_IFLNK | 0777, "deep/er");
	add(m, "loop", S_IFLNK | 0777, "loop");
	add(m, "./null", S_IFREG | 0600, "");
	add_full(m, "chr", S_IFCHR | 0666, NULL,
		 (struct extra){ .ino = 90, .nlink = 1, .rdev_minor = 3 });
	add_full(m, "hard1", S_IFREG | 0644, NULL, (struct extra){ .ino = 91, .nlink = 2 });
	add_full(m, "hard2", S_IFREG | 0644, "with the last name",
		 (struct extra){ .ino = 91, .nlink = 2 });
	finish(m);
}

static struct node *unpack(const struct maker *m, size_t size, int want, struct unpack_stats *st)
{
	struct node *root = node_create(S_IFDIR | 0755);
	size_t bad = SIZE_MAX;
	int err = rootfs_unpack(root, m->data, size, st, &bad);

	EXPECT_EQ(err, want);
	EXPECT((err == -EINVAL) == (bad != SIZE_MAX));
	return root;
}

/* What path leads to below root, not counted; NULL: the lookup's error is *err. */
static struct node *find(struct node *root, const char *path, unsigned flags, int *err)
{
	char *buf = kmalloc(PATH_MAX);
	struct node *n = NULL;

	strlcpy(buf, path, PATH_MAX);
	*err = path_lookup(root, buf, flags, &n);
	kfree(buf);
	if (*err)
		return NULL;
	node_put(n);
	return n;
}

static void expect_content(struct node *root, const char *path, const char *want)
{
	char got[64] = "";
	int err;
	struct node *n = find(root, path, 0, &err);

	EXPECT_EQ(err, 0);
	if (!n)
		return;
	EXPECT_EQ(node_size(n), strlen(want));
	EXPECT_EQ(object_read_kernel(node_object(n), 0, got, sizeof(got) - 1), (ssize_t)strlen(want));
	EXPECT_EQ(strcmp(got, want), 0);
}

static void expect_error(struct node *root, const char *path, int want)
{
	int err;

	find(root, path, 0, &err);
	if (err != want)
		ktest_fail(__FILE__, __LINE__, "%s: %d, expected %d", path, err, want);
}

KTEST(cpio, sound)
{
	struct unpack_stats st;
	struct maker m;
	struct node *root, *n;
	int err;

	make_good(&m);
	root = unpack(&m, m.len, 0, &st);
	EXPECT_EQ(st.files, 5);
	EXPECT_EQ(st.links, 3);
	EXPECT_EQ(st.devices, 1);
	EXPECT_EQ(st.left_out, 0);
	expect_content(root, "bin/a", "content of a");
	expect_content(root, "deep/er/file", "below directories that nobody listed");
	expect_content(root, "null", "");
	expect_content(root, "hard1", "with the last name");
	expect_content(root, "hard2", "with the last name");
	n = find(root, "bin", 0, &err);
	EXPECT(n && n->mode == (S_IFDIR | 0711) && n->uid == 1 && n->gid == 2 && n->mtime == 77000000000);
	EXPECT_EQ(n ? n->nlink : 0, 2);
	n = find(root, "hard1", 0, &err);
	EXPECT(n && n == find(root, "hard2", 0, &err) && n->nlink == 2);
	n = find(root, "chr", 0, &err);
	EXPECT(n && n->rdev == dev_number(1, 3));
	EXPECT_EQ(root->nlink, 4);
	node_put(root);
	kfree(m.data);
}

KTEST(cpio, paths)
{
	struct unpack_stats st;
	struct maker m;
	struct node *root, *n;
	int err;

	make_good(&m);
	root = unpack(&m, m.len, 0, &st);
	expect_content(root, "link", "content of a");
	expect_content(root, "dirlink/file", "below directories that nobody listed");
	expect_content(root, "dirlink/../../link", "content of a");
	expect_content(root, "..//bin/../../bin/./a", "content of a");
	n = find(root, "link", LOOKUP_NOFOLLOW, &err);
	EXPECT(n && node_is_link(n));
	n = find(root, "dirlink/", LOOKUP_NOFOLLOW, &err);
	EXPECT(n && node_is_dir(n));
	n = find(root, "", LOOKUP_EMPTY, &err);
	EXPECT(n == root);
	expect_error(root, "", -ENOENT);
	expect_error(root, "nothing", -ENOENT);
	expect_error(root, "nothing/at/all", -ENOENT);
	expect_error(root, "bin/a/", -ENOTDIR);
	expect_error(root, "bin/a/b", -ENOTDIR);
	expect_error(root, "link/b", -ENOTDIR);
	expect_error(root, "loop", -ELOOP);
	expect_error(root, "loop/x", -ELOOP);
	expect_error(root, "no/new", -ENOENT);
	node_put(root);
	kfree(m.data);
}

KTEST(cpio, names_too_long)
{
	struct node *root = node_create(S_IFDIR | 0755);
	char *path = kmalloc(PATH_MAX);
	struct node *n;

	memset(path, 'n', PATH_MAX - 1);
	path[PATH_MAX - 1] = '\0';
	EXPECT_EQ(path_lookup(root, path, 0, &n), -ENAMETOOLONG);
	path[NAME_MAX] = '\0';
	EXPECT_EQ(path_lookup(root, path, 0, &n), -ENOENT);
	kfree(path);
	node_put(root);
}

/* Forty links one after another are followed, one more is too many. */
KTEST(cpio, chains_of_links)
{
	struct unpack_stats st;
	struct node *root;
	struct maker m;
	char name[16], target[16];

	begin(&m);
	add(&m, "0", S_IFREG | 0644, "the end");
	for (int i = 1; i <= 41; i++) {
		snprintf(name, sizeof(name), "%d", i);
		snprintf(target, sizeof(target), "%d", i - 1);
		add(&m, name, S_IFLNK | 0777, target);
	}
	finish(&m);
	root = unpack(&m, m.len, 0, &st);
	expect_content(root, "40", "the end");
	expect_error(root, "41", -ELOOP);
	node_put(root);
	kfree(m.data);
}

KTEST(cpio, odd_entries)
{
	struct unpack_stats st;
	struct node *root;
	struct maker m;

	begin(&m);
	add(&m, "a", S_IFREG | 0644, "first");
	add(&m, "../out", S_IFREG | 0644, "escapes");
	add(&m, "in/../../out", S_IFREG | 0644, "escapes");
	add(&m, "a/below", S_IFREG | 0644, "below a file");
	add(&m, "a", S_IFDIR | 0755, NULL);
	add(&m, "fifo", S_IFIFO | 0644, NULL);
	add(&m, "block", S_IFBLK | 0644, NULL);
	add(&m, "empty", S_IFLNK | 0777, NULL);
	add(&m, "/", S_IFREG | 0644, "the root as a file");
	EXPECT_EQ(m.ino, 9);
	add(&m, "a", S_IFREG | 0644, "second");
	finish(&m);
	root = unpack(&m, m.len, 0, &st);
	EXPECT_EQ(st.left_out, 8);
	expect_content(root, "a", "second");
	expect_error(root, "out", -ENOENT);
	node_put(root);
	kfree(m.data);
}

KTEST(cpio, two_archives)
{
	struct unpack_stats st;
	struct node *root;
	struct maker m;

	begin(&m);
	add(&m, "a", S_IFREG | 0644, "one");
	add(&m, "b", S_IFREG | 0644, "two");
	finish(&m);
	add(&m, "b", S_IFREG | 0644, "three");
	finish(&m);
	root = unpack(&m, m.len, 0, &st);
	expect_content(root, "a", "one");
	expect_content(root, "b", "three");
	node_put(root);
	kfree(m.data);
}

/* Cut anywhere, an archive is refused, and what came before is there. */
KTEST(cpio, cut_short)
{
	struct maker m;
	size_t end;

	make_good(&m);
	for (end = m.len; end && !m.data[end - 1]; end--)
		;
	for (size_t size = 0; size <= end; size++) {
		struct unpack_stats st;
		struct node *root = unpack(&m, size, -EINVAL, &st);

		if (size == end / 2)
			expect_content(root, "bin/a", "content of a");
		node_put(root);
	}
	kfree(m.data);
}

/* A tree deeper than a kernel stack could be deep is freed all the same. */
KTEST(cpio, deep)
{
	struct unpack_stats st;
	struct node *root;
	struct maker m;
	char *name = kmalloc(PATH_MAX);

	begin(&m);
	for (unsigned i = 0; i < PATH_MAX; i++)
		name[i] = i % 2 ? '/' : 'd';
	name[PATH_MAX - 1] = '\0';
	add(&m, name, S_IFREG | 0644, "deep down");
	finish(&m);
	root = unpack(&m, m.len, 0, &st);
	EXPECT_EQ(st.files, 1);
	expect_content(root, name, "deep down");
	node_put(root);
	kfree(name);
	kfree(m.data);
}

KTEST(cpio, damaged)
{
	struct maker good;
	uint8_t *copy = kmalloc(ARCHIVE_MAX);
	uint64_t seed = 7;
	unsigned sound = 0;

	make_good(&good);
	for (unsigned i = 0; i < 5000; i++) {
		struct node *root = node_create(S_IFDIR | 0755);
		struct unpack_stats st;
		int err;

		memcpy(copy, good.data, good.len);
		for (uint64_t n = random_next(&seed) % 3 + 1; n; n--) {
			uint64_t r = random_next(&seed);

			copy[r % good.len] = r & 1ul << 40 ? "0123456789ABCDEFf/."[r / 65536 % 19] :
				(uint8_t)(r >> 48);
		}
		err = rootfs_unpack(root, copy, good.len, &st, NULL);
		EXPECT(err == 0 || err == -EINVAL);
		sound += !err;
		node_put(root);
	}
	ktest_note("%u of 5000 still unpacked", sound);
	EXPECT(sound > 100 && sound < 4900);
	kfree(copy);
	kfree(good.data);
}

KTEST(cpio, no_memory)
{
	struct maker m;

	make_good(&m);
	for (uint64_t nth = 1; nth < 40; nth++) {
		struct node *root = node_create(S_IFDIR | 0755);
		struct unpack_stats st;
		int err;

		slab_shrink();
		page_fail_nth = nth;
		err = rootfs_unpack(root, m.data, m.len, &st, NULL);
		page_fail_nth = 0;
		EXPECT(err == 0 || err == -ENOMEM);
		node_put(root);
	}
	kfree(m.data);
}
