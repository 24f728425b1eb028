# Debian's busybox at work over a tree of 2,000 files: run by its own shell on both systems, in an
# empty directory; what it prints must be the same.
set -u
export LC_ALL=C TZ=UTC PATH=/nowhere		# its own applets, and no other programs
umask 022
mkdir tree && cd tree || exit 1

echo "== made"
n=0
while [ $n -lt 20 ]; do
	mkdir -p "d$n/sub"
	i=0
	while [ $i -lt 100 ]; do
		echo "file $i of directory $n: $((i * n % 97)) words" >"d$n/f$i.txt"
		i=$((i + 1))
	done
	n=$((n + 1))
done
find . -type f | wc -l
find . -type d | sort | tail -3
find . -name 'f7*.txt' | sort | head -5
cat d3/*.txt | wc

echo "== text"
cat $(find d1 d2 -type f | sort) | awk '{ s += $6; c[$5] += $6 } END { print s; for (k in c) print k, c[k] }' | sort
grep -rl ' 42 words' . | sort | md5sum
grep -c directory d5/f1.txt d5/f2.txt
sed -n 's/^file \([0-9]*\) of.*: \([0-9]*\) words$/\2:\1/p' d7/*.txt | sort -t: -k1,1n -k2,2nr | head -4
sort -u d*/f1.txt | cut -d' ' -f1-2 | uniq -c
tr 'a-z' 'A-Z' <d0/f0.txt
head -c 10 d1/f1.txt; echo; tail -n 1 d19/f99.txt
awk -F: 'NR % 500 == 1 { print FILENAME ": " $1 }' $(find . -name '*.txt' | sort)
paste d1/f1.txt d2/f2.txt
fold -w 12 d4/f4.txt
printf '%s\n' c a b | sort -r | nl
seq 1 12 | xargs -n 5 echo
diff d1/f1.txt d1/f2.txt
cmp d1/f1.txt d1/f2.txt
expr 6 \* 7
basename /a/b.c .c; dirname /a/b.c
od -c d1/f1.txt | head -2
rev d1/f1.txt

echo "== sums"
find . -type f | sort | xargs cat | md5sum
find . -type f | sort | xargs sha1sum | sha256sum
find . -type f -size -1 | wc -l

echo "== moved"
mv d19 gone && ls -d gone d19 2>&1 | sort
cp -r d18 copy && diff -r d18 copy && echo "the copy is the same"
ln copy/f1.txt hard; ln -s copy/f2.txt soft; ln -s nowhere broken
stat -c '%n %h %F %s' hard copy/f1.txt soft broken
readlink -f soft | sed 's,.*/tree,tree,'
rm copy/f2.txt; cat soft 2>/dev/null || echo "soft leads nowhere"
cat hard
chmod 640 hard; stat -c %a copy/f1.txt
touch -d '2001-02-03 04:05:06' hard; stat -c '%y' copy/f1.txt
find . -newer copy/f3.txt -name hard
find gone -name '*5.txt' -exec rm {} +
ls gone | wc -l
rmdir gone 2>/dev/null || echo "gone is not empty"
rm -r gone

echo "== packed"
tar -cf ../t.tar $(ls | sort)
tar -tf ../t.tar | sort | md5sum
mkdir ../back && tar -xf ../t.tar -C ../back && diff -r . ../back 2>/dev/null; ls -R ../back | md5sum
gzip -c d0/f0.txt | gunzip
cat d*/*.txt | gzip | gunzip | md5sum
find . -type f | sort | cpio -o -H newc 2>/dev/null | cpio -t 2>/dev/null | wc -l
dd if=/dev/zero of=zeros bs=1k count=300 2>/dev/null; wc -c zeros
dd if=zeros of=part bs=1000 skip=10 seek=20 count=3 conv=notrunc 2>/dev/null; wc -c part
truncate -s 5 zeros; od -An -tx1 zeros
rm zeros part

echo "== the shell"
cat <<END
here is $((40 + 2)) and $(echo a command)
END
cat <<'END'
and here is $nothing
END
(cd d1 && pwd | sed 's,.*/,,'; exit 3); echo "left with $?"
f() { local x=$1; [ "$x" -le 1 ] && echo 1 && return; echo $((x * $(f $((x - 1))))); }
f 10
for i in 3 1 2; do echo $i; done | sort | tr '\n' ' '; echo
trap 'echo trapped' USR1; kill -USR1 $$
(trap 'echo at its end' EXIT; true)
(sleep 0.1; echo from the background) & wait $!; echo "waited: $?"
yes | head -n 3 | wc -l
mkfifo pipe; (echo through the fifo >pipe) & read -r line <pipe; echo "$line"; wait; rm pipe
exec 5>out; echo five >&5; exec 5>&-; cat out
echo more >>out; wc -l <out
x="a b  c"; set -- $x; echo $# "$x" ${x#a } ${#x}
case d7 in d[0-9]) echo matched ;; esac
echo d1[0-9]/f1?.txt | wc -w
test -s out -a -f out -a ! -d out && echo a file
[ -h soft ] && [ ! -e soft ] && echo a broken link
false || echo or
i=0; until [ $i -ge 3 ]; do i=$((i+1)); [ $i = 2 ] && continue; echo $i; done

echo "== gone"
cd .. && rm -r tree back t.tar && ls | wc -l
