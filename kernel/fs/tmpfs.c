/*
 * Options of file systems in memory, as Linux's tmpfs has them: size=, nr_blocks=, nr_inodes=, mode=, uid=, gid=, huge=.
 * What they set: how many pages files may have, how many names there may be (of each half as many as memory
 * has pages, where nobody says otherwise; 0: no limit), whose the root is, and which files get huge pages (never, unless said).
 */
#include <kernel/fs/fs.h>
#include <kernel/fs/text.h>
#include <lib/format.h>
#include <lib/string.h>
#include <mm/mm.h>

#define ROOT_MODE	01777

static uint64_t memory_pages(void)
{
	struct mem_info i;

	mm_info(&i);
	return i.total >> PAGE_SHIFT;
}

/* Bytes, or a share of memory: "50%". In pages. */
static int parse_size(char *text, uint64_t *pages)
{
	size_t len = strlen(text);
	bool percent = len && text[len - 1] == '%';
	uint64_t v;

	if (percent)
		text[len - 1] = '\0';
	if (parse_u64(text, &v))
		return -EINVAL;
	if (percent && v > UINT32_MAX)
		return -EINVAL;
	*pages = percent ? memory_pages() * v / 100 : (v >> PAGE_SHIFT) + !!(v & (PAGE_SIZE - 1));
	return 0;
}

static int parse_mode(const char *text, uint32_t *mode)
{
	uint32_t v = 0;

	if (!*text || strlen(text) > 6)
		return -EINVAL;
	for (; *text >= '0' && *text <= '7'; text++)
		v = v << 3 | (uint32_t)(*text - '0');
	*mode = v & 07777;
	return *text ? -EINVAL : 0;
}

static int parse_id(const char *text, uint32_t *id)
{
	uint64_t v;

	if (parse_u64(text, &v) || v >= UINT32_MAX)
		return -EINVAL;
	*id = (uint32_t)v;
	return 0;
}

static int parse_count(const char *text, uint64_t *n, bool *has)
{
	*has = true;
	return parse_u64(text, n);
}

static int parse_huge(const char *text, unsigned *huge)
{
	for (unsigned mode = 0; mode < SHMEM_DENY; mode++)
		if (!strcmp(text, shmem_mode_names[mode])) {
			*huge = 1 + mode;
			return 0;
		}
	return -EINVAL;
}

/* One option, with what follows its '='; NULL: nothing does. */
static int parse_one(const char *key, char *value, struct fs_options *o)
{
	if (!value)
		return strcmp(key, "inode64") ? -EINVAL : 0;	/* they always are */
	if (!strcmp(key, "size")) {
		o->has_pages = true;
		return parse_size(value, &o->pages);
	}
	if (!strcmp(key, "nr_blocks"))
		return parse_count(value, &o->pages, &o->has_pages);
	if (!strcmp(key, "nr_inodes"))
		return parse_count(value, &o->names, &o->has_names);
	if (!strcmp(key, "mode"))
		return parse_mode(value, &o->mode);
	if (!strcmp(key, "huge"))
		return parse_huge(value, &o->huge);
	if (!strcmp(key, "uid"))
		return parse_id(value, &o->uid);
	return strcmp(key, "gid") ? -EINVAL : parse_id(value, &o->gid);
}

int tmpfs_parse(char *data, struct fs_options *o)
{
	int err = 0;

	while (data && *data && !err) {
		char *next = strchr(data, ','), *value;

		if (next)
			*next++ = '\0';
		value = strchr(data, '=');
		if (value)
			*value++ = '\0';
		if (*data || value)
			err = parse_one(data, value, o);
		data = next;
	}
	return err;
}

/* A limit that was none can become one no more; one that there is, not less than what is used. */
static bool may_limit(const struct fs *fs, uint64_t now, uint64_t to, uint64_t used)
{
	return !fs->mounted || !to || (now != FS_UNLIMITED && to >= used);
}

int tmpfs_set(struct fs *fs, const struct fs_options *o)
{
	if (!fs->mounted)
		fs->max_default = fs->room.max = fs->max_names = memory_pages() / 2;
	if ((o->has_pages && !may_limit(fs, fs->room.max, o->pages, READ_ONCE(fs->room.used))) ||
	    (o->has_names && !may_limit(fs, fs->max_names, o->names, READ_ONCE(fs->names))))
		return -EINVAL;
	if (o->has_pages)
		WRITE_ONCE(fs->room.max, o->pages ? o->pages : FS_UNLIMITED);
	if (o->has_names)
		WRITE_ONCE(fs->max_names, o->names ? o->names : FS_UNLIMITED);
	if (o->huge) {
		shmem_mode_changed(o->huge - 1);
		WRITE_ONCE(fs->room.huge, o->huge);
	}
	return 0;
}

static uint64_t shown(uint64_t limit)
{
	return limit == FS_UNLIMITED ? 0 : limit;
}

void tmpfs_show(const struct fs *fs, struct text *t)
{
	if (fs->room.max != fs->max_default)
		text_printf(t, ",size=%luk", shown(fs->room.max) << (PAGE_SHIFT - 10));
	if (fs->max_names != fs->max_default)
		text_printf(t, ",nr_inodes=%lu", shown(fs->max_names));
	if (fs->mode != ROOT_MODE)
		text_printf(t, ",mode=%03o", fs->mode);
	if (fs->uid)
		text_printf(t, ",uid=%u", fs->uid);
	if (fs->gid)
		text_printf(t, ",gid=%u", fs->gid);
	if (fs->room.huge && fs->room.huge != 1 + SHMEM_NEVER)
		text_printf(t, ",huge=%s", shmem_mode_names[fs->room.huge - 1]);
}
