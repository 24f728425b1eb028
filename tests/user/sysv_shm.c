/*
 * System V's shared memory: keys, rights, attaches and how they are counted, places, removal, what is told. What
 * differs from machine to machine (numbers, addresses, times) is compared, not printed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>

#include "call.h"

#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY 15
#endif

static key_t key;
static sigjmp_buf back;

static void on_fault(int sig)
{
	siglongjmp(back, sig);
}

static void poke(const char *what, volatile char *p, bool write)
{
	int sig = sigsetjmp(back, 1);

	if (sig)
		printf("%s: %s\n", what, strsignal(sig));
	else if (write)
		printf("%s: %d written\n", what, *p = 7);
	else
		printf("%s: %d\n", what, *p);
}

/* A number is as good as another. */
static int got(const char *what, int id)
{
	printf("%s: %s\n", what, id < 0 ? strerror(errno) : "a number");
	return id;
}
#define GET(key, size, flags) got("shmget " #key ", " #size ", " #flags, shmget(key, size, flags))

static char *at(const char *what, void *p, void *base)
{
	return call_show_at(what, p, base);
}
#define ATTACH(id, addr, flags, base) at("shmat " #addr ", " #flags, shmat(id, addr, flags), base)

static void attaches(const char *when, int id)
{
	struct shmid_ds ds;

	if (shmctl(id, IPC_STAT, &ds))
		printf("%s: %s\n", when, strerror(errno));
	else
		printf("%s: %ld attached, mode %o\n", when, (long)ds.shm_nattch, ds.shm_perm.mode);
}

static void as_user(uid_t uid, gid_t gid, void (*act)(int id), int id)
{
	int status;

	fflush(stdout);
	if (!fork()) {
		if (setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
			perror("setresuid");
		act(id);
		fflush(stdout);
		_exit(0);
	}
	wait(&status);
	if (status)
		printf("child: %x\n", status);
}

static void keys(void)
{
	int id, same, own, own2;

	GET(key, PAGE, 0600);
	id = GET(key, 3 * PAGE + 5, IPC_CREAT | 0640);
	same = GET(key, 0, 0);
	printf("the same: %d\n", id == same);
	GET(key, 3 * PAGE + 5, 0600);
	GET(key, 3 * PAGE + 6, 0600);
	GET(key, 1, IPC_CREAT | 0600);
	GET(key, 1, IPC_CREAT | IPC_EXCL | 0600);
	GET(key, 1, IPC_EXCL | 0600);
	GET(key + 1, 0, IPC_CREAT | 0600);
	GET(key + 1, -1ul, IPC_CREAT | 0600);
	GET(key + 1, -1ul >> 1, IPC_CREAT | 0600);
	own = GET(IPC_PRIVATE, 1, 0600);
	own2 = GET(IPC_PRIVATE, 1, 0600);
	printf("different: %d\n", own != own2);
	CALL(shmctl, own, IPC_RMID, 0);
	CALL(shmctl, own, IPC_RMID, 0);
	CALL(shmctl, own2, IPC_RMID, 0);
	attaches("removed", own2);
	ATTACH(own2, NULL, 0, NULL);
	CALL(shmctl, id, IPC_RMID, 0);
	GET(key, 0, 0);
}

static void told(void)
{
	int id = shmget(key, 2 * PAGE + 1, IPC_CREAT | 0666), child;
	struct shmid_ds ds;
	time_t now = time(NULL);
	char *p;

	shmctl(id, IPC_STAT, &ds);
	printf("key %d, size %ld, mode %o, owner %d:%d, maker %d:%d\n", ds.shm_perm.__ipc_perm_key == key,
	       (long)ds.shm_segsz, ds.shm_perm.mode, ds.shm_perm.uid, ds.shm_perm.gid, ds.shm_perm.cuid,
	       ds.shm_perm.cgid);
	printf("attached %ld, detached %ld, changed now %d, by me %d, last %d\n", (long)ds.shm_atime,
	       (long)ds.shm_dtime, ds.shm_ctime - now < 2, ds.shm_cpid == getpid(), ds.shm_lpid);
	p = shmat(id, NULL, 0);
	shmctl(id, IPC_STAT, &ds);
	printf("attached now %d, detached %ld, last me %d\n", ds.shm_atime - now < 2, (long)ds.shm_dtime,
	       ds.shm_lpid == getpid());
	child = fork();
	if (!child)
		_exit(0);
	waitpid(child, NULL, 0);
	shmctl(id, IPC_STAT, &ds);
	printf("detached now %d, last my child %d\n", ds.shm_dtime - now < 2, ds.shm_lpid == child);
	ds.shm_perm.uid = 1234;
	ds.shm_perm.gid = 4321;
	ds.shm_perm.mode = 07600;
	ds.shm_segsz = 1;
	CALL(shmctl, id, IPC_SET, &ds);
	shmctl(id, IPC_STAT, &ds);
	printf("size %ld, mode %o, owner %d:%d, maker %d:%d\n", (long)ds.shm_segsz, ds.shm_perm.mode,
	       ds.shm_perm.uid, ds.shm_perm.gid, ds.shm_perm.cuid, ds.shm_perm.cgid);
	ds.shm_perm.uid = -1;
	CALL(shmctl, id, IPC_SET, &ds);
	CALL(shmctl, id, IPC_SET, 8);
	CALL(shmctl, id, IPC_STAT, 8);
	CALL(shmctl, id, 77, &ds);
	CALL(shmctl, id, -1, &ds);
	CALL(shmctl, -1, IPC_STAT, &ds);
	CALL(shmdt, p);
	CALL(shmctl, id, IPC_RMID, 0);
}

static void user_acts(int id)
{
	struct shmid_ds ds;
	char *p;

	GET(key, 0, 0);
	GET(key, 0, 0400);
	GET(key, 0, 0600);
	GET(key, 0, 0060);
	attaches("status", id);
	ATTACH(id, NULL, 0, NULL);
	ATTACH(id, NULL, SHM_RDONLY | SHM_EXEC, NULL);
	p = ATTACH(id, NULL, SHM_RDONLY, NULL);
	if (p != (void *)-1) {
		poke("read", p, false);
		poke("write", p, true);
		CALL(mprotect, p, PAGE, PROT_READ | PROT_WRITE);
		CALL(mprotect, p, PAGE, PROT_READ | PROT_EXEC);
		CALL(shmdt, p);
	}
	memset(&ds, 0, sizeof(ds));
	CALL(shmctl, id, IPC_SET, &ds);
	CALL(shmctl, id, IPC_RMID, 0);
	CALL(shmctl, id, SHM_LOCK, 0);
}

static void mode(int id, int bits, uid_t uid, gid_t gid)
{
	struct shmid_ds ds = { .shm_perm = { .uid = uid, .gid = gid, .mode = bits } };

	printf("-- mode %o, %d:%d\n", bits, (int)uid, (int)gid);
	shmctl(id, IPC_SET, &ds);
}

static void owner_acts(int id)
{
	struct shmid_ds ds;

	ATTACH(id, NULL, 0, NULL);
	shmctl(id, IPC_STAT, &ds);
	ds.shm_perm.mode = 0600;
	CALL(shmctl, id, IPC_SET, &ds);
	attaches("status", id);
	CALL(shmctl, id, SHM_UNLOCK, 0);
	CALL(shmctl, id, IPC_RMID, 0);
}

static void rights(void)
{
	int id = shmget(key, PAGE, IPC_CREAT | 0600);

	as_user(1000, 1000, user_acts, id);
	mode(id, 0604, 0, 0);
	as_user(1000, 1000, user_acts, id);
	mode(id, 0640, 0, 1000);
	as_user(1000, 1000, user_acts, id);
	mode(id, 0006, 0, 1000);
	as_user(1000, 1000, user_acts, id);
	mode(id, 0000, 0, 0);
	ATTACH(id, NULL, SHM_EXEC, NULL);
	mode(id, 0000, 1000, 0);
	as_user(1000, 1000, owner_acts, id);
	GET(key, 0, 0);
}

/* Each VMA counts. */
static void counting(void)
{
	int id = shmget(IPC_PRIVATE, 6 * PAGE, 0600), child, go[2];
	char *p = shmat(id, NULL, 0), *q, byte;

	attaches("one", id);
	q = shmat(id, NULL, 0);
	attaches("two", id);
	mprotect(p + 2 * PAGE, 2 * PAGE, PROT_READ);
	attaches("one cut in three", id);
	mprotect(p + 2 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE);
	attaches("set back", id);
	mprotect(p + PAGE, PAGE, PROT_READ);
	attaches("a piece of one cut off", id);
	munmap(q + PAGE, PAGE);
	attaches("a hole in the other", id);
	munmap(q + 5 * PAGE, PAGE);
	attaches("its end gone", id);
	madvise(p, 6 * PAGE, MADV_DONTFORK);
	pipe(go);
	child = fork();
	if (!child) {
		close(go[1]);
		read(go[0], &byte, 1);
		_exit(0);
	}
	attaches("a child", id);
	close(go[1]);
	waitpid(child, NULL, 0);
	attaches("no child", id);
	CALL(shmdt, p + PAGE);
	CALL(shmdt, p);
	attaches("all parts of one gone", id);
	CALL(shmdt, p);
	CALL(shmdt, q + 1);
	CALL(shmdt, q);
	CALL(shmctl, id, IPC_RMID, 0);
}

static void moving(void)
{
	int id = shmget(IPC_PRIVATE, 4 * PAGE, 0600);
	char *p = shmat(id, NULL, 0), *q, *room;

	p[0] = 1;
	p[3 * PAGE] = 4;
	room = mmap(NULL, 32 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	q = mremap(p, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room);
	attaches("moved", id);
	printf("%d %d\n", q[0], q[3 * PAGE]);
	mremap(q + 3 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + 8 * PAGE);
	attaches("a part moved", id);
	mremap(q, 0, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + 16 * PAGE);
	attaches("a second view", id);
	printf("%d\n", room[16 * PAGE]);
	mremap(room + 16 * PAGE, 2 * PAGE, 6 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + 24 * PAGE);
	attaches("longer than it is", id);
	poke("its last page", room + 27 * PAGE, false);
	poke("behind it", room + 28 * PAGE, false);
	CALL(shmdt, q);
	attaches("detached", id);
	CALL(shmdt, room + 5 * PAGE);
	attaches("the part that moved", id);
	CALL(shmdt, room + 24 * PAGE);
	attaches("all", id);
	CALL(shmctl, id, IPC_RMID, 0);
}

static void places(void)
{
	int id = shmget(IPC_PRIVATE, 2 * PAGE, 0600), other = shmget(IPC_PRIVATE, PAGE, 0600);
	char *room = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *p;

	ATTACH(id, room, 0, room);
	ATTACH(id, room + 15 * PAGE, 0, room);
	ATTACH(id, room + 1, 0, room);
	ATTACH(id, room + 1, SHM_RND, room);
	ATTACH(id, NULL, SHM_REMAP, room);
	ATTACH(id, (char *)1, SHM_RND | SHM_REMAP, room);
	attaches("none", id);
	room[2 * PAGE] = 9;
	p = ATTACH(id, room + 2 * PAGE, SHM_REMAP, room);
	poke("as new", p, false);
	ATTACH(id, room + 5 * PAGE + 77, SHM_REMAP | SHM_RND, room);
	p[PAGE] = 5;
	poke("the same", room + 6 * PAGE, false);
	ATTACH(other, room + 3 * PAGE, SHM_REMAP, room);
	attaches("one half covered", id);
	munmap(room + 8 * PAGE, 4 * PAGE);
	ATTACH(id, room + 9 * PAGE, 0, room);
	ATTACH(id, room + 10 * PAGE, 0, room);
	ATTACH(id, (char *)-PAGE, 0, room);
	ATTACH(id, (char *)(1ul << 47), 0, room);
	attaches("four", id);
	poke("write", room + 9 * PAGE, true);
	CALL(shmdt, room + 2 * PAGE);
	CALL(shmdt, room + 3 * PAGE);
	CALL(shmdt, room + 12 * PAGE);
	munmap(room, 16 * PAGE);
	attaches("unmapped", id);
	CALL(shmctl, id, IPC_RMID, 0);
	CALL(shmctl, other, IPC_RMID, 0);
}

static void removal(void)
{
	int id = shmget(key, PAGE, IPC_CREAT | 0600), again;
	char *p = shmat(id, NULL, 0), *q;

	strcpy(p, "still here");
	CALL(shmctl, id, IPC_RMID, 0);
	attaches("removed", id);
	GET(key, 0, 0);
	again = GET(key, PAGE, IPC_CREAT | IPC_EXCL | 0600);
	printf("another: %d\n", again != id);
	q = ATTACH(id, NULL, 0, NULL);
	printf("%s\n", q);
	CALL(shmdt, p);
	printf("%s\n", q);
	CALL(shmctl, id, IPC_RMID, 0);
	if (!fork()) {
		shmdt(q);
		attaches("the child has gone from it", id);
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	CALL(shmdt, q);
	attaches("gone", id);
	CALL(shmctl, again, IPC_RMID, 0);
}

/* What a program has attached goes with it, by exec, too. */
static void ends(void)
{
	int id = shmget(IPC_PRIVATE, PAGE, 0600), child;

	shmat(id, NULL, 0);
	child = fork();
	if (!child) {
		raise(SIGKILL);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	attaches("killed", id);
	child = fork();
	if (!child) {
		char number[20];

		snprintf(number, sizeof(number), "%d", id);
		fflush(stdout);
		execl("/proc/self/exe", "sysv_shm", number, NULL);
		_exit(1);
	}
	waitpid(child, NULL, 0);
	attaches("back", id);
	shmctl(id, IPC_RMID, 0);
}

static void by_index(void)
{
	int id = shmget(IPC_PRIVATE, 3 * PAGE, 0600), highest, seen = 0;
	struct shm_info info;
	struct shminfo limits;
	struct shmid_ds ds;
	char *p = shmat(id, NULL, 0);

	p[0] = p[PAGE] = 1;
	highest = shmctl(0, SHM_INFO, (void *)&info);
	printf("used %d, pages %d, in memory %d\n", info.used_ids >= 1, info.shm_tot >= 3, info.shm_rss >= 2);
	for (int i = 0; i <= highest; i++)
		if (shmctl(i, SHM_STAT, &ds) == id)
			seen += ds.shm_segsz == 3 * PAGE && ds.shm_nattch == 1;
	printf("seen %d\n", seen);
	printf("limits: index %d, most %lx, least %ld, all %lx, number %ld, each %ld\n",
	       shmctl(0, IPC_INFO, (void *)&limits) >= highest, limits.shmmax, (long)limits.shmmin, limits.shmall,
	       (long)limits.shmmni, (long)limits.shmseg);
	CALL(shmctl, 32767, SHM_STAT, &ds);
	CALL(shmctl, 32767, SHM_STAT_ANY, &ds);
	CALL(shmctl, id, SHM_LOCK, 0);
	attaches("locked", id);
	CALL(shmctl, id, SHM_LOCK, 0);
	CALL(shmctl, id, SHM_UNLOCK, 0);
	CALL(shmctl, id, SHM_UNLOCK, 0);
	attaches("unlocked", id);
	shmdt(p);
	shmctl(id, IPC_RMID, 0);
}

static void any_status(int id)
{
	struct shmid_ds ds;
	int index = id & 32767;

	CALL(shmctl, index, SHM_STAT, &ds);
	printf("any: %d, mode %o\n", shmctl(index, SHM_STAT_ANY, &ds) == id, ds.shm_perm.mode);
}

static void print_lines(const char *path, const char *word, int id)
{
	FILE *f = fopen(path, "r");
	char line[400], number[20];

	snprintf(number, sizeof(number), " %d ", id);
	while (fgets(line, sizeof(line), f)) {
		char *at = strstr(line, word);
		long n_key, n;

		if (at && strstr(at, "SYSV"))	/* 8 digits that differ */
			printf("maps: %.5s? %s%s", at, at + 14, strstr(line, number) ? "numbered\n" : "");
		else if (at)
			printf("%s", line);
		else if (sscanf(line, "%ld %ld", &n_key, &n) == 2 && n == id)
			printf("shm: key %d,%.28s%.31s%s", n_key == key, line + 21, line + 62, line + 125);
	}
	fclose(f);
}

static void files(void)
{
	int id = shmget(key, 3 * PAGE, IPC_CREAT | 0644);
	char *p = shmat(id, NULL, 0);

	p[0] = 1;
	print_lines("/proc/sysvipc/shm", "shmid", id);
	print_lines("/proc/self/maps", "/SYSV", id);
	shmctl(id, IPC_RMID, 0);
	print_lines("/proc/self/maps", "/SYSV", id);
	print_lines("/proc/sys/kernel/shmmax", "184", 0);
	print_lines("/proc/sys/kernel/shmall", "184", 0);
	print_lines("/proc/sys/kernel/shmmni", "4096", 0);
	shmdt(p);
}

int main(int argc, char **argv)
{
	int id;

	if (argc > 1) {
		attaches("after exec", atoi(argv[1]));
		return 0;
	}
	key = 0x51000000 | getpid();
	signal(SIGSEGV, on_fault);
	signal(SIGBUS, on_fault);
	keys();
	told();
	rights();
	counting();
	moving();
	places();
	removal();
	ends();
	by_index();
	id = shmget(IPC_PRIVATE, 1, 0);
	as_user(1000, 1000, any_status, id);
	shmctl(id, IPC_RMID, 0);
	files();
	return 0;
}
