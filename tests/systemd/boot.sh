#!/bin/bash
# Make a machine of its own under FOLDER and become its systemd. For sandbox.py, inside new namespaces.
#
#   boot.sh FOLDER [SOURCE TARGET]...     each SOURCE of this machine is seen, unwritable, at TARGET inside
#
# The machine is a tmpfs with the programs of this one (/usr) and nothing of its configuration, accounts' files or data.
set -euo pipefail
folder=$1
shift

seen() { # show $1 at $2, below the new root, unwritable
  mkdir -p "$2"
  mount --bind "$1" "$2"
  mount -o remount,bind,ro "$2"
}

mount -t tmpfs -o mode=755 tmpfs "$folder"
cd "$folder"
mkdir -p dev etc/systemd/system home old opt proc root run srv sys tmp var/lib
seen /usr usr
for name in bin sbin lib lib32 lib64 libx32; do # on older systems these are folders
  if [ -L "/$name" ]; then cp -P "/$name" "$name"; elif [ -d "/$name" ]; then seen "/$name" "$name"; fi
done
while [ $# -gt 0 ]; do
  seen "$1" "./$2"
  shift 2
done

cp -a /etc/passwd /etc/group /etc/ssl etc/
[ ! -d /etc/alternatives ] || cp -a /etc/alternatives etc/
tr -d - </proc/sys/kernel/random/uuid >etc/machine-id
echo 'passwd: files systemd
group: files systemd
hosts: files dns' >etc/nsswitch.conf
echo '127.0.0.1 localhost' >etc/hosts
for path in /etc/ld.so.conf /etc/ld.so.conf.d; do [ ! -e "$path" ] || cp -a "$path" etc/; done
mkdir -p etc/ld.so.conf.d
find opt -maxdepth 4 -name 'libpython*.so*' -printf '/%h\n' | sort -u >etc/ld.so.conf.d/python.conf
grep -qs 'ld.so.conf.d' etc/ld.so.conf || echo 'include /etc/ld.so.conf.d/*.conf' >>etc/ld.so.conf
chroot . /sbin/ldconfig

mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev # nodes of its own: systemd changes their modes
mkdir dev/pts dev/shm
while read -r name major minor; do mknod -m 666 "dev/$name" c "$major" "$minor"; done <<<'null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0'
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
hostname sandbox
ip link set lo up
pivot_root . old
umount -l /old
rmdir /old
mount --make-rshared / # systemd hands credentials to services through mounts
cd /
echo 'the machine is made'
exec env -i container=sandbox PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --unit=multi-user.target --show-status=0 --log-target=journal --log-level=info
