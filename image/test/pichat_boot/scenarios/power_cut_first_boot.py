"""Power cuts at the worst moments of the first start: after each the next start gives a device that can be claimed.

One first start is recorded, write by write, until it shows the setup code. The record gives cards at earlier moments, such as
between two writes of mke2fs.
"""

import struct
from collections.abc import Callable
from pathlib import Path

from ..fixtures import Bench
from ..card import SECTOR, Card
from ..power_cut import Entry, entries, half, rebuild
from . import state_inside

# Position of the ext4 superblock in its partition, and of the magic number in it.
SUPERBLOCK, MAGIC_AT, MAGIC = 1024, 56, struct.pack("<H", 0xEF53)
MBR_ENTRY_4 = slice(494, 510)


def run(bench: Bench) -> None:
    checks = bench.checks
    blank = bench.flash("blank")
    log = bench.folder / "writes.log"
    log.touch()
    card = blank.copy(bench.folder / "card.img")
    with bench.power_on(card, log) as device:
        device.wait_for_answer()
        device.wait_for_claim_code()
        checks.note(f"recorded until the setup code showed, {device.machine.seconds():.0f} s; then the power was cut")
    written = list(entries(log))
    table, superblock = moments(log, card, written)
    checks.need(table is not None, "the partition table was extended during this start")
    checks.need(superblock is not None, "a file system was made during this start")
    between = most_at_risk(written, superblock)
    # A cut keeps the writes up to `end`; of the unflushed ones `survives` selects.
    cuts: list[tuple[str, int, Callable[[int], bool]]] = [
        ("the partition table is extended, nothing else", table + 1, lambda n: n == table),
        ("mke2fs: the superblock is on the card, the rest that was not flushed is not", superblock + 1, lambda n: n == superblock),
        ("later, when most was waiting for a flush: half of that is there", between, half(bench.chance.randrange(1 << 32))),
        ("the setup code shows: nothing that was not flushed is there", len(written), lambda _: False),
    ]
    if bench.kind == "raspi3b":
        # QEMU's SD card has no flush, so all earlier writes count as kept.
        cuts = [(moment, end, lambda _: True) for moment, end, _ in cuts]
    for moment, end, survives in cuts:
        blank.copy(card.path)
        cut = rebuild(log, card.path, end, survives)
        starts_again(bench, card, f"{moment} ({cut})")


def moments(log: Path, card: Card, written: list[Entry]) -> tuple[int | None, int | None]:
    """Returns the write of the table with the data partition, and the write of the first superblock in it."""
    first = card.partitions()[3].first
    table = superblock = None
    with log.open("rb") as source:

        def bytes_at(entry: Entry, offset: int, length: int) -> bytes:
            """Returns the bytes of a write at this place of the card, empty if it did not reach there."""
            start = offset - entry.sector * SECTOR
            if start < 0 or start + length > entry.sectors * SECTOR:
                return b""
            source.seek(entry.data + start)
            return source.read(length)

        for number, entry in enumerate(written):
            if table is None and any(bytes_at(entry, MBR_ENTRY_4.start, 16)):
                table = number
            if superblock is None and bytes_at(entry, first * SECTOR + SUPERBLOCK + MAGIC_AT, 2) == MAGIC:
                superblock = number
    return table, superblock


def most_at_risk(written: list[Entry], start: int) -> int:
    """Returns the position after `start` with the most unflushed writes."""
    waiting = [0]
    for entry in written:
        waiting.append(0 if entry.flush else waiting[-1] + 1)
    return max(range(start + 1, len(written) + 1), key=waiting.__getitem__)


def starts_again(bench: Bench, card: Card, moment: str) -> None:
    checks = bench.checks
    checks.note(f"cut: {moment}")
    with bench.power_on(card) as device:
        device.claim()
        checks.check(True, "it starts, shows a code, and can be claimed")
        state_inside.running(bench, device)
        state_inside.durable_data(bench, device)
        identity = device.report.ask("cat /etc/machine-id")
        checks.check(len(identity) == 32, "it has an identity of its own", identity)
        device.report.power_off()
