#!/usr/bin/python3
"""mount(2) and umount2(2): Linux's answers, busybox's programs, mounts that come and go under those who use them."""
import os
import subprocess

from tap import WORK, c_program, check, end, equal, tool

HERE = os.path.dirname(os.path.realpath(__file__))


def text(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return file.read()


# ---- Linux's answers, as it gave them; asked again where one may ----

program = c_program("mount", text("mount.c"))
answers = text("mount.linux").splitlines()
if os.getuid() == 0 and subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
    place = os.path.join(WORK, "place")
    os.mkdir(place)
    host = subprocess.run([program], cwd=place, stdout=subprocess.PIPE, timeout=60, check=False)
    equal(host.stdout.decode().splitlines(), answers, "the host's answers are those that were written down")
quire = tool("qrun", "-t", "100", program)
for want, got in zip(answers + ["<end>"], quire.out.decode().splitlines() + ["<end>"]):
    if not check(got == want, want, f"quire: {got}", quire.err) or got == "<end>":
        break

# ---- busybox ----

done = tool("qrun", "-t", "100", "-a", "shm_size=8M", "busybox", "sh", "-c", """
    cut -d' ' -f1-3 /proc/mounts; cut -d' ' -f1,2,4,5 /proc/self/mountinfo; cat /proc/filesystems
    mkdir -p '/a b' /m && mount -t tmpfs -o size=4m,nosuid none '/a b' && mount -t proc proc /m && mount | tail -n 2
    dd if=/dev/zero of='/a b/f' bs=1k count=1000 2>/dev/null
    df -k /dev/shm '/a b'; df -i '/a b' | tail -n 1 | sed 's/^.* \\([0-9]*%\\)/\\1/'
    cat /m/self/comm; test -d /m/1 && echo there
    umount /m && mount -o remount,ro '/a b' && touch '/a b/x'; mount -o remount,rw,size=2m '/a b' && df -k '/a b' | tail -n 1
    cd '/a b'; umount '/a b'; cd /; umount '/a b' && ls '/a b' | wc -l; cat /proc/mm_verify""")
equal(done.out.decode().splitlines(), [
    "tmpfs / tmpfs", "proc /proc proc", "sysfs /sys sysfs", "tmpfs /dev/shm tmpfs",
    "1 1 / /", "2 1 / /proc", "3 1 / /sys", "4 1 / /dev/shm",
    "nodev\tsysfs", "nodev\ttmpfs", "nodev\tproc", "nodev\tdevtmpfs",
    "none on /a b type tmpfs (rw,nosuid,relatime,size=4096k)", "proc on /m type proc (rw,relatime)",
    "Filesystem           1K-blocks      Used Available Use% Mounted on",
    "tmpfs                     8192         0      8192   0% /dev/shm",
    "none                      4096      1000      3096  24% /a b", "0% /a b", "cat", "there", "touch: /a b/x: Read-only file system",
    "none                      2048      1000      1048  49% /a b",
    "umount: can't unmount /a b: Device or resource busy", "0", "ok"], "busybox mounts, measures, takes away", done.err)

# ---- Debian's mount, which looks for itself ----

for words, want in (
        (("mount",), ["tmpfs on / type tmpfs (rw,relatime,size=8192k,mode=755)", "proc on /proc type proc (rw,relatime)",
                      "sysfs on /sys type sysfs (rw,relatime)", "tmpfs on /dev/shm type tmpfs (rw,relatime,size=4096k)"]),
        (("mount", "-v", "-t", "tmpfs", "-o", "size=3m,noatime", "none", "/tmp"), ["mount: none mounted on /tmp."]),
        (("umount", "-v", "/dev/shm"), ["umount: /dev/shm unmounted"]),
        (("findmnt", "-rno", "TARGET,FSTYPE,OPTIONS", "/dev/shm"), ["/dev/shm tmpfs rw,relatime,size=4096k"]),
        (("df", "-a", "--output=source,size,target"), ["Filesystem     1K-blocks Mounted on", "tmpfs               8192 /", "proc                   0 /proc",
                                                       "sysfs                  0 /sys", "tmpfs               4096 /dev/shm"])):
    done = tool("qrun", "-a", "root_size=8M shm_size=4M", "--with-libs", *words)
    equal(done.out.decode().splitlines(), want, " ".join(words), done.err)

# ---- without memory ----

OBJECTS = r"""
#include <stdio.h>
#include <string.h>

/* How many objects of that name the kernel has. */
static long objects(const char *name)
{
	FILE *f = fopen("/proc/slabinfo", "r");
	char line[512], key[64];
	long n, found = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%60s %ld", key, &n) == 2 && !strcmp(key, name))
			found = n;
	fclose(f);
	return found;
}
"""
fails = c_program("fails", OBJECTS + r"""
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* Each allocation of a mount fails in turn, until none does. */
static void each(const char *type, const char *data)
{
	int fd = open("/proc/self/fail_alloc", O_RDWR), failed = 0, odd = 0, r = -1, left;
	char text[16];
	long before, after;

	objects("node");
	before = objects("node");
	for (int n = 1; r && n < 2000; n++) {
		lseek(fd, 0, SEEK_SET);
		write(fd, text, sprintf(text, "%d\n", n));
		r = mount("none", "/tmp/m", type, 0, data);
		failed += r && errno == ENOMEM;
		odd += r && errno != ENOMEM;
		write(fd, "0\n", 2);
		if (!r && !access("/tmp/m/below", F_OK))
			odd++;
		if (r && access("/tmp/m/below", F_OK))
			odd++;
	}
	left = umount("/tmp/m");
	after = objects("node");
	printf("%s: %s failed, odd %d, at last %d, taken away %d, nodes %+ld\n", type, failed > 2 ? "some" : "few", odd, r, left, after - before);
	close(fd);
}

int main(void)
{
	mkdir("/tmp/m", 0755);
	close(open("/tmp/m/below", O_CREAT | O_WRONLY, 0644));
	each("tmpfs", "size=1m,mode=700");
	each("proc", NULL);
	each("sysfs", NULL);
	each("devtmpfs", NULL);
	return 0;
}
""")
done = tool("qrun", "--debug", "-t", "200", fails)
equal(done.out.decode().splitlines(),
      [f"{kind}: some failed, odd 0, at last 0, taken away 0, nodes +0" for kind in ("tmpfs", "proc", "sysfs", "devtmpfs")],
      "a mount that finds no memory has done nothing", done.err)

# ---- come and gone under those who use them ----

race = c_program("race", "#define _GNU_SOURCE\n" + OBJECTS + r"""#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS	400

static void mounts(int lazy)
{
	int odd = 0;

	for (int i = 0; i < ROUNDS; i++) {
		/* EINVAL: what was there when the path was walked has been taken away. */
		if (mount("none", "/tmp/m", "tmpfs", 0, "size=1m") && errno != EINVAL)
			odd++;
		if (umount2("/tmp/m", lazy ? MNT_DETACH : 0) && errno != EBUSY && errno != EINVAL)
			odd++;
	}
	exit(odd != 0);
}

static void uses(int number)
{
	char name[64];
	struct stat st;
	int odd = 0;

	for (int i = 0; i < ROUNDS; i++) {
		int fd;
		char *map;

		snprintf(name, sizeof(name), "/tmp/m/f%d", number);
		fd = open(name, O_CREAT | O_RDWR, 0600);
		if (fd < 0)
			continue;
		odd += ftruncate(fd, 8192) != 0;
		map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		strcpy(map, "written");
		odd += chdir("/tmp/m") != 0;
		odd += read(fd, name, 8) != 8 || strcmp(name, "written");
		mkdir("d", 0755);
		odd += stat(".", &st) != 0;
		rename("d", "e");
		odd += chdir("/") != 0;
		munmap(map, 8192);
		close(fd);
	}
	exit(odd != 0);
}

/* From below what is mounted up to it, and on, as it is taken away. */
static void climbs(void)
{
	char path[4096];
	struct stat st;
	int odd = 0;

	for (int i = 0; i < ROUNDS; i++) {
		mkdir("/tmp/m/a", 0755);
		mkdir("/tmp/m/a/b", 0755);
		if (chdir("/tmp/m/a/b"))
			continue;
		for (int n = 0; n < 50; n++) {
			odd += stat("../..", &st) != 0;
			odd += syscall(SYS_getcwd, path, sizeof(path)) < 0;
		}
		odd += chdir("/") != 0;
	}
	exit(odd != 0);
}

int main(void)
{
	long nodes, files;
	int status, odd = 0;

	mkdir("/tmp/m", 0755);
	objects("node");
	nodes = objects("node");
	files = objects("file");
	for (int i = 0; i < 8; i++)
		if (!fork()) {
			if (i < 3)
				mounts(i & 1);
			if (i < 6)
				uses(i);
			climbs();
		}
	while (wait(&status) > 0)
		odd += status != 0;
	while (!umount2("/tmp/m", MNT_DETACH))
		;
	for (int i = 3; i < 6; i++) {
		char name[32];

		snprintf(name, sizeof(name), "/tmp/m/f%d", i);
		unlink(name);
	}
	rmdir("/tmp/m/d");
	rmdir("/tmp/m/e");
	rmdir("/tmp/m/a/b");
	rmdir("/tmp/m/a");
	printf("odd: %d\n", odd);
	printf("nodes: %+ld, files: %+ld\n", objects("node") - nodes, objects("file") - files);
	return 0;
}
""")
for cpus in ("1", "4"):
    done = tool("qrun", "--debug", "-t", "300", "-c", cpus, race)
    equal(done.out.decode().splitlines(), ["odd: 0", "nodes: +0, files: +0"], f"nothing is lost, {cpus} CPU(s)", done.err)
end()
