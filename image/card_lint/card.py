"""The partition table, as image/lib/geometry.sh has it."""

import dataclasses
import pathlib
import struct

from .report import Report

SECTOR = 512
MEBIBYTE = 1 << 20
DISK_ID = 0x7069C4A7
BOOT = (0x0C, 4 * MEBIBYTE // SECTOR, 256 * MEBIBYTE // SECTOR)
SLOT_A = (0x83, 260 * MEBIBYTE // SECTOR, 256 * MEBIBYTE // SECTOR)
SLOT_B = (0x83, 516 * MEBIBYTE // SECTOR, 256 * MEBIBYTE // SECTOR)
EROFS_MAGIC = 0xE0F5E1E2


@dataclasses.dataclass
class Layout:
    disk_id: str
    boot_offset: int
    slot_offset: int
    slot_length: int


def check(report: Report, image: pathlib.Path) -> Layout:
    size = image.stat().st_size
    with open(image, "rb") as file:
        table = file.read(SECTOR)
        file.seek(SLOT_A[1] * SECTOR + 1024)
        magic = struct.unpack("<I", file.read(4))[0]
    entries = []
    for number in range(4):
        _, _, kind, _, start, sectors = struct.unpack_from("<B3sB3sII", table, 446 + 16 * number)
        entries.append((kind, start, sectors))
    disk_id = struct.unpack_from("<I", table, 440)[0]

    report.check(table[510:] == b"\x55\xaa", "the partition table has its signature")
    report.check(disk_id == DISK_ID, f"the disk's number is {DISK_ID:08x}")
    report.check(entries[0] == BOOT, "partition 1: FAT32, 256 MiB from 4 MiB")
    report.check(entries[1] == SLOT_A, "partition 2: slot A, 256 MiB from 260 MiB")
    report.check(entries[2] == SLOT_B, "partition 3: slot B, 256 MiB from 516 MiB, so that data begin at 772 MiB for ever")
    report.check(entries[3] == (0, 0, 0), "partition 4: empty, the initramfs writes it")
    report.check(size <= SLOT_B[1] * SECTOR, "the file ends before slot B, so that writing it leaves the data alone")
    report.check(magic == EROFS_MAGIC, "slot A holds an erofs")
    return Layout(f"{disk_id:08x}", BOOT[1] * SECTOR, SLOT_A[1] * SECTOR, min(size, SLOT_B[1] * SECTOR) - SLOT_A[1] * SECTOR)
