#!/usr/bin/env bash
# card.sh WORK IMAGE: assembles the partitions. The file ends after slot A. Slot B and the data partition follow it on the
# card, so that writing the file does not change them.
set -euo pipefail

image=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$1 card=$2
# shellcheck source=image/lib/geometry.sh
. "$image/lib/geometry.sh"

root_bytes=$(stat -c %s "$work/root.erofs")
[ "$root_bytes" -le $((slot_size * sector)) ] || { echo "card.sh: the root of $root_bytes bytes does not fit its slot" >&2; exit 65; }

rm -f "$card"
truncate -s $((data_start * sector)) "$card"
# The fourth entry stays empty: the initramfs writes it for the card it finds.
sfdisk --quiet --no-reread --no-tell-kernel "$card" <<EOF
label: dos
label-id: 0x$disk_id
unit: sectors
start=$boot_start, size=$boot_size, type=c, bootable
start=$slot_a_start, size=$slot_size, type=83
start=$slot_b_start, size=$slot_size, type=83
EOF
truncate -s $((slot_a_start * sector + (root_bytes + 1048575) / 1048576 * 1048576)) "$card"
dd if="$work/boot.fat" of="$card" bs=1M seek=$((boot_start / mebibyte)) conv=notrunc,sparse status=none
dd if="$work/root.erofs" of="$card" bs=1M seek=$((slot_a_start / mebibyte)) conv=notrunc status=none
echo "card: $(stat -c %s "$card") bytes"
