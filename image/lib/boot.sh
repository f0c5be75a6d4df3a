#!/usr/bin/env bash
# boot.sh WORK: builds the boot partition, FAT32, which the firmware and any computer can read.
#
# -> WORK/boot (tree), WORK/boot.fat.
set -euo pipefail

image=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$1
# shellcheck source=image/lib/geometry.sh
. "$image/lib/geometry.sh"
boot=$work/boot
modules=$work/kernel/usr/lib/modules/$(< "$work/kernel-version")

# Text files for users have CRLF line ends, so that every system displays them.
text() { sed 's/$/\r/' "$1" > "$2"; }

mkdir -p "$boot/a"
# For boards before the Pi 5, which has its own firmware.
cp "$work"/raspi-firmware/{bootcode.bin,start.elf,fixup.dat,start4.elf,fixup4.dat} "$boot/"
cp "$image/boot/config.txt" "$boot/"
text "$image/boot/README.txt" "$boot/README.txt"
text "$image/pichat.toml" "$boot/pichat.toml"

gzip -9nc "$modules/vmlinuz" > "$boot/a/kernel8.img"
cp "$work/initrd.img" "$boot/a/"
cp "$modules"/dtb/broadcom/bcm{2711,2712,2837}-*.dtb "$boot/a/"
# The later Pi 5 chip: Linux calls the file bcm2712-d, Raspberry Pi's own kernel calls it bcm2712d0. It is unknown which
# name the firmware uses with upstream_kernel=1, so both are there.
cp "$boot/a/bcm2712-d-rpi-5-b.dtb" "$boot/a/bcm2712d0-rpi-5-b.dtb"
sed "s/@DISK_ID@/$disk_id/" "$image/boot/cmdline.txt" > "$boot/a/cmdline.txt"

truncate -s $((boot_size * sector)) "$work/boot.fat"
# Clusters of 2 KiB; --invariant fixes the volume's number and date.
mkfs.vfat -F 32 -s 4 -n PICHAT --invariant "$work/boot.fat" > /dev/null
find "$boot" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
export MTOOLS_SKIP_CHECK=1
cd "$boot"
find . -mindepth 1 -type d | sort | while read -r folder; do mmd -i "$work/boot.fat" "::${folder#.}"; done
find . -type f | sort | while read -r file; do mcopy -m -i "$work/boot.fat" "$file" "::${file#.}"; done
echo "boot partition: $(du -sm "$boot" | cut -f1) MB of $((boot_size * sector >> 20))"
