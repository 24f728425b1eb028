/* Names of sockets: as programs give and get them, and where they lie in the file tree. */
#include <kernel/fs/change.h>
#include <kernel/fs/path.h>
#include <kernel/fs/perm.h>
#include <kernel/proc/process.h>
#include <kernel/sys/socket.h>
#include <kernel/sys/syscall.h>
#include <lib/string.h>
#include <mm/alloc/slab.h>

int socket_name_get(const void __user *from, unsigned len, struct socket_name *name)
{
	memset(name, 0, sizeof(*name));
	if (len <= sizeof(name->un.sun_family) || len > sizeof(name->un))
		return -EINVAL;
	if (copy_from_user(&name->un, from, len))
		return -EFAULT;
	if (name->un.sun_family != AF_UNIX)
		return -EINVAL;
	name->len = len;
	return 0;
}

static bool is_abstract(const struct socket_name *name)
{
	return !name->un.sun_path[0];
}

/* The path that a name is, in a buffer to walk in: kfree; NULL: no memory. */
static char *path_of(const struct socket_name *name)
{
	char *path = kzalloc(PATH_MAX);

	if (path)
		memcpy(path, name->un.sun_path, sizeof(name->un.sun_path));
	return path;
}

/* A new socket in the tree. 0, -EADDRINUSE, and what walks and makes may say. */
static int make_name(char *path, struct node **out)
{
	struct node *cwd = process_cwd();
	struct path_end e;
	int err = path_walk(cwd, path, LOOKUP_PARENT, &e);

	node_put(cwd);
	if (err)
		return err;
	*out = e.last == PATH_NAME ? fs_new_node(e.dir, user_mode(S_IFSOCK | 0777), 0) : NULL;
	if (*out)
		err = fs_make(&e, *out);
	else
		err = e.last == PATH_NAME ? -ENOMEM : -EEXIST;
	if (err && *out)
		node_put(*out);
	path_end_put(&e);
	return err == -EEXIST ? -EADDRINUSE : err;
}

/* The socket in the tree that a path leads to: also -ECONNREFUSED, -EACCES. */
static int find_name(char *path, struct node **out)
{
	struct node *cwd = process_cwd();
	int err = path_lookup(cwd, path, 0, out);

	node_put(cwd);
	if (err)
		return err;
	err = node_may(*out, MAY_WRITE);
	if (!err && !S_ISSOCK((*out)->mode))
		err = -ECONNREFUSED;
	if (err)
		node_put(*out);
	return err;
}

int socket_name_node(struct socket_name *name, bool make, struct node **node)
{
	char *path;
	int err;

	*node = NULL;
	if (is_abstract(name))
		return 0;
	path = path_of(name);
	if (!path)
		return -ENOMEM;
	name->len = (unsigned)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
	err = make ? make_name(path, node) : find_name(path, node);
	kfree(path);
	if (err)
		*node = NULL;
	return err;
}

long socket_name_put(const struct socket_name *name, void __user *to, uint32_t __user *len)
{
	uint32_t room;

	if (get_user_u32(&room, len))
		return -EFAULT;
	if ((int)room < 0)
		return -EINVAL;
	if (copy_to_user(to, &name->un, MIN(room, name->len)) || put_user_u32(name->len, len))
		return -EFAULT;
	return 0;
}
