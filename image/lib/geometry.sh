# shellcheck shell=bash disable=SC2034
# The card, in sectors of 512 bytes. Sourced by the pieces; image/lint.py and image/README.md name the same figures.
#
# The data partition begins at the end of slot B, at 772 MiB, and must never move: an image flashed over an older one finds the
# users' data only there.

disk_id=7069c4a7
sector=512
mebibyte=2048

boot_start=$((4 * mebibyte))
boot_size=$((256 * mebibyte))
slot_size=$((256 * mebibyte))
slot_a_start=$((boot_start + boot_size))
slot_b_start=$((slot_a_start + slot_size))
data_start=$((slot_b_start + slot_size))
