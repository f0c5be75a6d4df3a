#!/usr/bin/env bash
# initramfs.sh WORK -> WORK/initrd.img: busybox, image/initramfs and the modules for the card, as zstd.
set -euo pipefail

image=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$1
tree=$work/initramfs
applets=(blockdev cat chmod chroot cp date dd find grep head hexdump ln ls mkdir modprobe mount mv printf reboot rm sh sleep sort
    switch_root sync tail tr umount xargs)

mkdir -p "$tree"/{bin,dev,proc,sys,run,newroot}
cp "$work/busybox" "$tree/bin/busybox"
for applet in "${applets[@]}"; do ln -s busybox "$tree/bin/$applet"; done
install -m 0755 "$image/initramfs/init" "$tree/init"
install -m 0644 "$image/initramfs/data.sh" "$tree/data.sh"
echo "$SOURCE_DATE_EPOCH" > "$tree/build-date"
cp -r "$work/modules-initramfs/usr" "$tree/"
ln -s usr/lib "$tree/lib"
# busybox reads the indices as text.
rm -f "$tree"/usr/lib/modules/*/*.bin
find "$tree" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
(cd "$tree" && find . -print0 | sort -z | cpio --null -o -H newc --reproducible --owner=0:0 --quiet) |
    zstd -q -19 > "$work/initrd.img"
echo "initramfs: $(stat -c %s "$work/initrd.img") bytes"
