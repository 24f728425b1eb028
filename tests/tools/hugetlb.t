#!/usr/bin/python3
"""Explicit huge pages, of memfds too: what Linux 6.18 prints, and this machine's if it is as young and lets root have
a pool; surplus pages; races on 4 CPUs."""
import os

from tap import ROOT, c_program, end, equal, run, tool

HERE = os.path.join(ROOT, "tests", "tools")
POOL = "/proc/sys/vm/nr_hugepages"
PAGES = 8

SURPLUS = """done
                     nr 0 free 0 resv 0 surplus 0, nr wanted 0
1 GB: EINVAL
mmap of 1: ENOMEM
done
3 mapped             nr 3 free 3 resv 3 surplus 3, nr wanted 0
1 written            nr 3 free 2 resv 2 surplus 3, nr wanted 0
mmap of 2: ENOMEM
2 more refused       nr 3 free 2 resv 2 surplus 3, nr wanted 0
1 not promised       nr 4 free 2 resv 2 surplus 4, nr wanted 0
done
2 are no surplus     nr 4 free 2 resv 2 surplus 2, nr wanted 2
that unmapped        nr 3 free 2 resv 2 surplus 1, nr wanted 2
all unmapped         nr 2 free 2 resv 0 surplus 0, nr wanted 2
done
none wanted          nr 0 free 0 resv 0 surplus 0, nr wanted 0
done
done
mmap of 1000: ENOMEM
more than there are  nr 2 free 2 resv 0 surplus 0, nr wanted 2
1 more than 2        nr 3 free 3 resv 3 surplus 1, nr wanted 2
done
done
"""
RACES = """private: wrong 0, done 1
a file: wrong 0, done 1
0 in use, 0 promised
"""


def text_of(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return file.read()


def program_of(name):
    return c_program(name, text_of(name + ".c"), ("gcc", "-static", "-pthread", "-O1", "-I", HERE))


want = text_of("hugetlb.want")
program = program_of("hugetlb")


def figure(name):
    with open(f"/sys/kernel/mm/hugepages/hugepages-2048kB/{name}_hugepages", encoding="utf-8") as text:
        return int(text.read())


def host_pool():
    """Makes sure of a pool; how large it was before, or None: there is none to be had."""
    try:
        before, lacking = figure("nr"), PAGES - (figure("free") - figure("resv"))
        with open(POOL, "w", encoding="ascii") as pool:
            pool.write(str(before + max(lacking, 0)))
        return before if figure("free") - figure("resv") >= PAGES else None
    except OSError:
        return None


release = tuple(int(n) for n in os.uname().release.split(".")[:2])
before = host_pool() if release >= (6, 18) else None
if before is not None:
    done = run(program)
    equal((done.status, done.out.decode()), (0, want), "this machine's Linux")
    with open(POOL, "w", encoding="ascii") as pool:
        pool.write(str(before))

for name, options in (("Quire", "hugepages=8"), ("Quire, five levels", "hugepages=8 la57")):
    done = tool("qrun", "-t", "120", "-m", "256M", "-a", options, program)
    equal((done.status, done.out.decode()), (0, want), name, done.err)
done = tool("qrun", "-t", "60", "-m", "128M", program_of("hugetlb_surplus"))
equal((done.status, done.out.decode()), (0, SURPLUS), "surplus pages", done.err)
done = tool("qrun", "-t", "120", "-c", "4", "-m", "256M", "-a", "hugepages=10", program_of("hugetlb_race"), "3")
equal((done.status, done.out.decode()), (0, RACES), "races", done.err)
end()
