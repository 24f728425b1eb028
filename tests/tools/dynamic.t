#!/usr/bin/python3
"""Debian's dynamic programs, packed with their libraries by qrun --with-libs, give the host's answers."""
import os
import shutil
import subprocess
import sys
import sysconfig

from tap import WORK, check, c_program, end, equal, skip, tool


def host(*command, cwd=WORK):
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=200, check=False)
    return done.returncode, done.stdout.decode()


def same(name, *command, files=(), wanted=None):
    """The same command on both systems, in an empty folder and in the guest's /."""
    if not shutil.which(command[0]):
        skip(name, f"no {command[0]} here")
        return
    folder = os.path.join(WORK, name.replace(" ", "_"))
    os.mkdir(folder)
    for path in files:
        shutil.copy(path, folder)
    extra = [word for path in files for word in ("-f", path)]
    quire = tool("qrun", "-t", "200", *extra, "--with-libs", *command)
    equal((quire.status, quire.out.decode()), wanted or host(*command, cwd=folder), name, quire.err)


hello = os.path.join(WORK, "hello")
source = os.path.join(WORK, "hello.c")
with open(source, "w") as file:
    file.write(r"""
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>

static __thread int mine = 5;
extern char _end[];

__attribute__((constructor)) static void before(void) { printf("before main\n"); }

int main(int argc, char **argv)
{
	printf("%s %d %d\n", argv[1], argc, mine);
	printf("AT_BASE is %s, AT_ENTRY %s\n", getauxval(AT_BASE) ? "there" : "missing",
	       getauxval(AT_ENTRY) < (unsigned long)_end ? "below the end" : "elsewhere");
	free(malloc(1 << 20));
	return 3;
}
""")
subprocess.run(["gcc", "-O1", "-o", hello, source], check=True)
same("a program that gcc links by default", hello, "one")
subprocess.run(["gcc", "-O1", "-no-pie", "-o", hello + "-fixed", source], check=True)
same("one at a fixed address", hello + "-fixed", "two")

bad = os.path.join(WORK, "bad")
subprocess.run(["gcc", "-Wl,--dynamic-linker=/hello.c", "-o", bad, source], check=True)
refused = tool("qrun", "-t", "60", "-f", source, bad)
check(refused.status == 126, "a linker that is no program is an error", refused.err)
missing = tool("qrun", "-t", "60", hello)
check(missing.status == 126 and "--with-libs" in missing.err.decode(), "qrun says how a dynamic program is packed",
      missing.err)

same("lua", "lua5.4", "-e", """
local t = {} for i = 1, 200000 do t[i] = (i * 7919) % 100003 end
table.sort(t) print(_VERSION, #t, t[1], t[#t], string.rep("x", 3), 2^53, collectgarbage("count") > 100)""")

script = os.path.join(WORK, "rows.sql")
with open(script, "w") as file:
    file.write("""pragma mmap_size = 268435456;
pragma journal_mode = wal;
create table t(a integer primary key, b text);
with recursive c(x) as (select 1 union all select x + 1 from c where x < 20000)
insert into t select x, printf('row %d of many', x) from c;
create index i on t(b);
update t set b = b || '!' where a % 3 = 0;
delete from t where a % 7 = 0;
pragma wal_checkpoint(truncate);
select count(*), sum(a), max(b), min(b) from t;
pragma integrity_check;
vacuum;
select b from t where b like '%9999 of%';
""")
same("sqlite3: 20,000 rows, WAL, mmap", "sqlite3", "rows.db", ".read rows.sql", files=[script])

program = os.path.join(WORK, "work.c")
with open(program, "w") as file:
    file.write('int printf(const char *, ...);\nint main(void) { int n = 0, i;\n'
               'for (i = 0; i < 1000; i++) n += i * i; printf("%d\\n", n); return n % 100; }\n')
if shutil.which("tcc"):
    folder = next(path for path in ("/usr/lib/x86_64-linux-gnu/tcc", "/usr/lib/tcc") if os.path.isdir(path))
    link = [f"/usr/lib/x86_64-linux-gnu/{name}" for name in ("libc.so", "libc_nonshared.a")]
    done = tool("qrun", "-t", "100", "-f", program, *(word for path in [folder] + link for word in ("-f", f"{path}:{path}")),
                "--with-libs", "tcc", "-nostdinc", "-run", "work.c")
    equal((done.status, done.out.decode()), host("tcc", "-nostdinc", "-run", program), "tcc compiles and runs", done.err)
else:
    skip("tcc compiles and runs", "no tcc here")

if os.path.exists("/usr/sbin/memtester"):
    done = tool("qrun", "-t", "300", "--with-libs", "/usr/sbin/memtester", "2M", "1")
    text = done.out.decode()
    good = sum(line.endswith("ok") for line in text.splitlines())
    check(done.status == 0 and good >= 15 and "FAILURE" not in text, "memtester finds no fault", f"{good} good", text[-300:])
else:
    skip("memtester finds no fault", "no memtester here")

python = "/usr/bin/python3"
stdlib = sysconfig.get_path("stdlib") if sys.executable == python else None
if not stdlib:
    stdlib = host(python, "-c", "import sysconfig; print(sysconfig.get_path('stdlib'))")[1].strip()
code = """
import mmap, os, hashlib
m = mmap.mmap(-1, 1 << 20)
pid = os.fork()
if not pid:
    m[:5] = b'child'
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), m[:5])
with open('file', 'wb') as f:
    f.truncate(1 << 20)
with open('file', 'r+b') as f, mmap.mmap(f.fileno(), 0) as view:
    view[4096:4100] = b'text'
    f.seek(4096)
    print(f.read(4), hashlib.sha256(view).hexdigest())
print(sorted(os.listdir('.'))[:0], sum(i * i for i in range(10000)))
"""
done = tool("qrun", "-t", "300", "-f", f"{stdlib}:{stdlib}", "-e", "PYTHONHOME=/usr", "--with-libs",
            os.path.realpath(python), "-S", "-c", code)
equal((done.status, done.out.decode()), host(python, "-S", "-c", code), "python3: mmap, fork, files", done.err)
end()
