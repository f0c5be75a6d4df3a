#!/usr/bin/env bash
# image/initramfs/check-data.sh: tests data.sh on data partitions in each state after a power cut, a flash or a copy.
# It uses files and takes seconds, without root and without a board; dash and bsdextrautils' hexdump stand in for busybox.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PATH=$PATH:/usr/sbin:/sbin
part=$work/part
failed=0

# data.sh with this machine's e2fsprogs: chroot here only runs the program.
prepare() {
    # shellcheck disable=SC2016
    dash -c 'log() { echo "log: $2"; }
        chroot() { shift; echo "run: $*"; "$@"; }
        sync() { :; }
        . "$1"; data_prepare "$2"' prepare <(sed 's|/run/pichat-fsck.log|'"$work"'/fsck.log|' "$here/data.sh") "$part" > "$work/said" 2>&1 || true
}

# expect made|kept|refused CASE
expect() {
    local what=kept
    ! grep -q '^run:.*mke2fs' "$work/said" || what=made
    e2fsck -fn "$part" > "$work/check" 2>&1 || what="$what, unsound"
    if [ "$what" = "$1" ]; then
        echo "ok    $2: $what"
    else
        echo "WRONG $2: $what instead of $1"
        cat "$work/said"
        failed=1
    fi
}

blank() { rm -f "$part" && truncate -s 256M "$part"; }
# finished LABEL: a file system as data_format leaves it, with that label.
finished() {
    blank
    mke2fs -q -F -t ext4 -b 4096 -J size=16 -L "$1" -E nodiscard "$part"
}
# A mount leaves its time in the superblock; debugfs writes it without mounting.
mounted() { debugfs -w -R "set_super_value mtime 20250101000000" "$part" > /dev/null 2>&1; }
keep_a_file() {
    echo "people's data" > "$work/file"
    debugfs -w -R "write $work/file file" "$part" > /dev/null 2>&1
}
still_has_the_file() {
    [ "$(debugfs -R 'cat file' "$part" 2>/dev/null)" = "people's data" ] || { echo "WRONG $1: the file is gone"; failed=1; }
}
zero() { dd if=/dev/zero of="$part" bs=1 seek="$1" count="$2" conv=notrunc status=none; }

blank && prepare && expect made "a new card"
[ "$(e2label "$part")" = pichat-data ] || { echo "WRONG: no label"; failed=1; }
prepare && expect kept "the second start"

finished pichat-unready && prepare && expect made "mke2fs done, label not written"
finished pichat-unready && zero 4096 65536 && prepare && expect made "superblock written, descriptors not"
finished pichat-data && keep_a_file && prepare && expect kept "label written, never mounted" && still_has_the_file "never mounted"
finished pichat-data && keep_a_file && mounted && prepare && expect kept "in use" && still_has_the_file "in use"
finished pichat-data && keep_a_file && mounted && zero 1024 1024 && prepare && expect kept "superblock lost" && still_has_the_file "superblock lost"
finished other && keep_a_file && mounted && prepare && expect kept "another system's, mounted once" && still_has_the_file "somebody else's"

# Copied to a smaller card: it must be refused and stay unchanged.
finished pichat-data && keep_a_file && mounted && truncate -s 200M "$part" && sha256sum "$part" > "$work/sum" && prepare
if ! grep -q mke2fs "$work/said" && [ "$(debugfs -R 'cat file' "$part" 2>/dev/null)" = "people's data" ]; then
    echo "ok    a card too small for its data: left alone"
else
    echo "WRONG a card too small for its data"
    failed=1
fi
exit $failed
