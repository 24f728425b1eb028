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

echo "== programs"
cat >count.awk <<'END'
function pad(s, n) { return length(s) >= n ? s : pad(s " ", n) }
BEGIN { FS = "[ :]+" }
{ n[$5]++; sum[$5] += $6; if ($6 > max[$5] + 0) max[$5] = $6 }
END { for (d = 0; d < 20; d += 4) printf "%s|%3d|%6d|%5.2f|%x\n", pad("dir " d, 8), n[d], sum[d], sum[d] / n[d], max[d] }
END
cat d*/*.txt | awk -f count.awk
cat d[0-3]/f1?.txt | awk '{ sub(/words/, "w"); gsub(/[0-9]+/, "<&>"); print toupper(substr($0, 1, 20)), NF, index($0, "of") }' | sort | uniq | tail -n 3
seq 3 | awk 'BEGIN { while ((getline line <"d1/f1.txt") > 0) print line } { n = n $0 } END { print n, split("a:b:c", x, ":"), x[3], 7 % 3, int(-3.7), sprintf("%05.1f|%-4s|%c", 3.14159, "ab", 65) }'
sed -e '/^file 1 /{s//FILE one /;p;}' -e '$!d' -e 's/\(of\) \(directory\)/\2 \1/' d2/f1.txt
sed -n '2{h;d;};4{G;p;}' <<END
one
two
three
four
END
seq 1 30 | sed -n '5,/8$/{/[02468]$/!p;}' | tr '\n' ,; echo
sort -t' ' -k6,6n -k2,2nr d13/f[0-9].txt | cut -d' ' -f2,6- | head -n 4
seq 1 20 >a; seq 2 2 30 >b; sort a b | uniq -d | wc -l; sort a b | uniq -u | sort -n | tr '\n' ' '; grep -vxFf b a | paste -s -d+ | bc
sed 's/^1$/one/; 7d; $a last' a >c; diff -u a c | tail -n +3; diff -u a c >p; cp a back.a; patch back.a p && cmp back.a c && echo patched
patch -R back.a p && cmp back.a a && echo unpatched
printf '%5d|%-6s|%04x|%s|%b\n' 42 ab 255 "a b" 'tab\there' 7 cd 16 c 'x\101'
printf '%s=%d\n' ten $((10)) hex $((0x1f)) oct $((017)) mixed $(( (7 + 3) * 4 % 9 << 2 | 1 )) cond $((3 > 2 ? 11 : 22))
date -u -d @1000000000 '+%Y-%m-%d %H:%M:%S %j %a %s'; date -u -d '2024-02-29 12:00:00' +%s
env -i A=1 B='two words' env | sort
seq 100 | xargs -n 30 sh -c 'echo $# $1 ${30:-none}' sh | cat -n
find d1 d2 -name 'f?.txt' | sort | xargs -I{} sh -c 'test -s {} && wc -c <{}' | sort | uniq -c
find . -path './d1?/f99.txt' -o -name nothing -prune | sort | xargs tail -q -n 1 | tee copy.txt | md5sum; wc -l <copy.txt
echo 'scale=5; 2^64; 22/7; sqrt(2)' | bc; echo '5 3 4 + * p' | dc
factor 360 97; cal 2 2024 | head -n 3; echo abc | od -An -c -tx1; echo abc | hexdump -C | head -n 1; echo abc | base64
sha256sum d1/f1.txt | cut -c1-16; sha512sum d1/f1.txt | sha1sum; crc32 d1/f1.txt; cksum d1/f1.txt 2>/dev/null || echo "no cksum"
sha256sum d4/*.txt >sums; echo changed >>d4/f4.txt; sha256sum -c sums 2>/dev/null | grep -v OK; sha256sum -cs sums || echo "one is not as it was"
rm a b c p sums copy.txt back.a count.awk

echo "== packed otherwise"
cat d*/f2*.txt | bzip2 -9 | bunzip2 | md5sum
tar -cf - d5 d6 | gzip -9 >t.tgz; gzip -t t.tgz && tar -tzf t.tgz | wc -l
mkdir x; tar -xzf t.tgz -C x d5/f5.txt d6/sub; find x | sort; rm -r x t.tgz
find d7 | sort | cpio -o -H newc 2>/dev/null | (mkdir y; cd y; cpio -id 2>/dev/null); diff -r d7 y/d7 && echo unpacked; rm -r y
base64 -d <<END | xzcat
/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQASc3F1ZWV6ZWQgZWxzZXdoZXJlCgAAdXM8Ea4GsYcAASsTnAlI0h+2830BAAAAAARZWg==
END

echo "== links and modes"
mkdir -p m/deep/er && cp -a d8/f1.txt m/deep && ln -s deep/f1.txt m/link && ln m/deep/f1.txt m/hard && chmod 751 m/deep && touch -d '1999-12-31 23:59:59' m/deep/f1.txt
cp -a m n && (cd n && find . | sort | xargs stat -c '%n %a %h %F %Y' | grep -v -e directory -e symbolic; readlink link)
chmod u=rwx,g+w,o-r n/deep/f1.txt; chmod +t,g+s n/deep; stat -c '%A %n' n/deep n/deep/f1.txt; test n/deep/f1.txt -nt m/deep/f1.txt || echo not newer
mv n/deep/f1.txt n/f2 && mv -f n/f2 n/link && test -L n/link || echo "the link is a file"; ls -1F n; du -a n | wc -l
ln -s loop loop; cat loop 2>&1 | sed 's/.*: //'; readlink loop; rm loop; mkdir d; rm d 2>&1 | sed 's/.*: //'; rmdir d
(umask 027; mkdir u; >u/f; stat -c %a u u/f); rm -rf m n u

echo "== jobs"
for i in 1 2 3 4 5 6 7 8; do (sleep 0.$((9 - i)); echo $i >>done) & done; wait; sort done | tr '\n' ' '; rm done
(exit 7) & a=$!; (exit 9) & b=$!; wait $b; echo $?; wait $a; echo $?
sh -c 'kill -TERM $$'; echo $?; (trap '' TERM; kill -TERM $(sh -c 'echo $PPID'); echo unharmed)
(trap 'echo got INT; exit 5' INT; sh -c 'kill -INT $PPID'; sleep 5); echo $?
mkfifo in out2; (while read -r l; do echo "$l" | tr a-z A-Z; done <in >out2) & (seq 3 | sed 's/^/line /' >in) & cat out2; wait; rm in out2
seq 20000 | (read a; read b; echo $a $b; tail -n 1); yes | head -c 300000 | wc -c; { echo out; echo err >&2; } 2>&1 >/dev/null
exec 3<d1/f1.txt 4>both; read -r l <&3; echo "$l" >&4; (echo inner >&4); exec 3<&- 4>&-; cat both; rm both
set -e; (false; echo not reached) || echo "no -e in a list"; set +e; (set -f; echo d*); (IFS=:; set -- a:b:c; x=$1; for i in $x; do echo "<$i>"; done)
while getopts ab:c o -a -b val -c; do echo "$o ${OPTARG:-}"; done; f=path/to/file.tar.gz; echo ${f##*/} ${f%%.*} ${f%.gz} ${f#*/} ${#f} ${nothing:-default} ${f:+set}
f() { local i=0; while :; do i=$((i + 1)); case $i in 3) continue ;; [5-9]) break ;; *) echo "at $i" ;; esac; done; return $i; }; f; echo $?
eval 'v=$((1'"$(printf '+%d' 1 2 3)"'))'; echo $v; readonly r=1; (r=2) 2>/dev/null || echo readonly; type cd | head -n 1; command -v echo; unset v; echo ${v-unset}
timeout 0.2 sleep 5; echo $?; timeout 5 true; echo $?; date -r d1/f1.txt >/dev/null && usleep 1000 && echo slept

if [ "${AS_ROOT:-}" = 1 ]; then
	echo "== as root"
	id -u; chown 12:34 d9/f9.txt; stat -c '%u:%g' d9/f9.txt; chgrp 56 d9/f9.txt; find d9 -group 56; chown -R 7 d9/sub; stat -c '%u:%g' d9/sub
	mknod null c 1 3; echo away >null; cat null; stat -c '%F %t:%T' null; chmod 600 d9/f8.txt; chmod 777 .
	ln -s "$(readlink /proc/$$/exe)" sh
	su -s ./sh daemon -c 'id -u; cat d9/f8.txt 2>&1 | sed "s/.*: //"; echo mine >own; stat -c %u:%g own; rm d9/f1.txt 2>&1 | sed "s/.*: //"; kill 1 2>&1 | sed "s/.*: //"; mount -t tmpfs none . 2>&1 | sed "s/.*: //"'
	rm null sh own
fi

echo "== gone"
cd .. && rm -r tree back t.tar && ls | wc -l
