# shellcheck shell=dash
# Creates the data partition on the first boot of a card, and finds it again after reflashing. Sourced by init.
#
# Rules for formatting
# --------------------
# mke2fs makes the file system under the label pichat-unready and flushes it; only then e2label writes pichat-data into the
# superblock and its copies, and only after that it is mounted for the first time. So:
#   - pichat-data in the superblock or in its first copy: it may hold users' data. Repaired, mounted, never formatted.
#   - an ext4 of another label that was mounted before: another system's data. Repaired, mounted, never formatted.
#   - an ext4 of another label that never was mounted: an interrupted first boot. Formatted again.
#   - no ext4: a new card. Formatted.

# A file system needs at least 64 MiB; the partition's length is a multiple of 4 MiB, and the last 4 MiB of the card
# stay unused, because some programs wipe the end of a card before they write an image.
LEAST=131072
ALIGN=8192

# number DEVICE BYTE SIZE: an unsigned little-endian number of SIZE bytes.
number() { hexdump -s "$2" -n "$3" -e "1/$3 \"%u\"" "$1"; }

# Four bytes, lowest first, as printf writes them.
bytes() { printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255)); }

# data_entry DISK: partition 4 begins at the end of partition 3 and reaches to the end of the card. The same card always gets the
# same entry; a copy on a card of another size gets its own. Fails without space or on a foreign entry.
data_entry() {
    start=$(($(number "/dev/$1" 486 4) + $(number "/dev/$1" 490 4)))
    total=$(cat "/sys/block/$1/size")
    [ "$total" -gt 4294967295 ] && total=4294967295
    length=$(((total - start) / ALIGN * ALIGN - ALIGN))
    if [ "$length" -lt "$LEAST" ]; then
        log 2 "no room for data: the card has $total sectors"
        return 1
    fi
    old_type=$(number "/dev/$1" 498 1) old_start=$(number "/dev/$1" 502 4) old_length=$(number "/dev/$1" 506 4)
    if [ "$old_type/$old_start/$old_length" = "131/$start/$length" ]; then return 0; fi
    if [ "$old_type" != 0 ] && [ "$old_start" != "$start" ]; then
        log 2 "partition 4 begins at $old_start and not at $start: left alone"
        return 1
    fi
    # Writes the whole sector at once, so that a power cut leaves either the old table or the new one.
    dd if="/dev/$1" of=/run/table bs=512 count=1 2>/dev/null
    # shellcheck disable=SC2059
    printf "\\x00\\xfe\\xff\\xff\\x83\\xfe\\xff\\xff$(bytes $start)$(bytes $length)" |
        dd of=/run/table bs=1 seek=494 conv=notrunc 2>/dev/null
    dd if=/run/table of="/dev/$1" bs=512 count=1 conv=notrunc,fsync 2>/dev/null || return 1
    blockdev --rereadpt "/dev/$1"
    log 5 "data partition: $length sectors from $start"
}

# label DEVICE BYTE: prints the label of the ext4 whose superblock begins there; fails if there is none.
label() {
    [ "$(number "$1" $(($2 + 56)) 2)" = 61267 ] || return 1
    dd if="$1" bs=1 skip=$(($2 + 120)) count=16 2>/dev/null | tr -d '\000'
}

# Succeeds if it was never mounted: no mount time and no mount count.
unused() { [ "$(number "$1" 1068 4)" = 0 ] && [ "$(number "$1" 1076 2)" = 0 ]; }

# data_format DEVICE. Inodes for files of 64 KiB on average; a journal of 16 MiB, zeroed.
data_format() {
    log 5 "making the file system of $1"
    chroot /newroot /usr/sbin/mke2fs -q -F -t ext4 -b 4096 -i 65536 -m 1 -J size=16 -L pichat-unready \
        -E lazy_itable_init=1,lazy_journal_init=0,nodiscard "$1" && sync &&
        chroot /newroot /usr/sbin/e2label "$1" pichat-data && sync
}

# told LEVEL CODE: logs the output of e2fsck.
told() { grep . /run/pichat-fsck.log | head -n 5 | while read -r line; do log "$1" "e2fsck, $2: $line"; done; }

# data_repair DEVICE [e2fsck's option for a copy of the superblock]
data_repair() {
    device=$1
    shift
    code=0
    chroot /newroot /usr/sbin/e2fsck -p "$@" "$device" > /run/pichat-fsck.log 2>&1 || code=$?
    if [ "$code" -lt 4 ]; then
        told 6 $code
        return 0
    fi
    told 3 $code
    code=0
    chroot /newroot /usr/sbin/e2fsck -y "$@" "$device" > /run/pichat-fsck.log 2>&1 || code=$?
    told 3 $code
}

# data_prepare DEVICE: makes or repairs the file system, so that it can be mounted.
data_prepare() {
    if name=$(label "$1" 1024); then
        if [ "$name" != pichat-data ] && unused "$1"; then
            log 4 "the file system of $1 was never finished ($name)"
            data_format "$1"
        else
            data_repair "$1"
        fi
    elif [ "$(label "$1" 134217728)" = pichat-data ]; then
        log 3 "the superblock of $1 is lost, its copy is not"
        data_repair "$1" -b 32768 -B 4096
    else
        data_format "$1"
    fi
}
