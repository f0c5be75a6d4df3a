"""State of a disk after a power cut that loses every write that was not flushed.

Killing QEMU loses the guest's memory, but no write to the emulated disk, which is in the host's page cache. A real disk with a
volatile cache may lose or reorder its writes since the last flush. QEMU's `blklogwrites` records every write and flush in the
format of Linux' dm-log-writes. This module rebuilds a card from its state at power-on and that record: all writes up to the
last flush, and none or an arbitrary choice of later ones.

The model has no torn writes and no damage to neighbouring erase blocks, as on worn cards.
"""

import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

SECTOR = 512
SUPER = struct.Struct("<QQQI")  # magic, version, entries up to the last flush, sector size
MAGIC = 0x6A736677736872
ENTRY = struct.Struct("<QQQQ")  # sector, sectors, flags, length (unused)
FLUSH, FUA = 1, 2


@dataclass(frozen=True)
class Entry:
    """Write (or a flush, which has no sectors); `data` is the position of its bytes in the log."""

    sector: int
    sectors: int
    flush: bool
    data: int


@dataclass(frozen=True)
class Cut:
    """Result of a cut: writes that must be kept, writes that may be lost, and the number of those that were kept."""

    kept: int
    at_risk: int
    survived: int

    def __str__(self) -> str:
        return f"{self.kept} writes flushed, {self.at_risk} not, of those {self.survived} kept"


def entries(log: Path) -> Iterator[Entry]:
    """Returns the log in order of completion. An entry that was being written at the cut is left out, since the guest
    got no confirmation of it."""
    size = log.stat().st_size
    with log.open("rb") as file:
        at = SECTOR
        while at + SECTOR <= size:
            file.seek(at)
            sector, sectors, flags, _ = ENTRY.unpack(file.read(ENTRY.size))
            at += SECTOR
            if flags & ~(FLUSH | FUA):
                raise ValueError(f"{log}: flags {flags:#x} at {at - SECTOR}; discards are switched off")
            if not sectors and not flags:
                continue  # reserved but never written before the cut; the next entry follows the gap of zeros
            if at + sectors * SECTOR > size:
                return
            yield Entry(sector, sectors, bool(flags & FLUSH), at)
            at += sectors * SECTOR


def is_log(log: Path) -> bool:
    """Returns True if QEMU wrote the log. Its first sector is written at the first flush; until then it is empty."""
    if log.stat().st_size < SECTOR:
        return log.stat().st_size == 0
    with log.open("rb") as file:
        magic, version, _, sector_size = SUPER.unpack(file.read(SUPER.size))
    return magic == 0 or (magic, version, sector_size) == (MAGIC, 1, SECTOR)


def rebuild(log: Path, card: Path, end: int | None, survives: Callable[[int], bool]) -> Cut:
    """Brings `card` from its state at power-on to its state after a cut behind the first `end` entries (None: all).
    Flushed writes are kept, and of the others those for which `survives` returns True, in order."""
    if not is_log(log):
        raise ValueError(f"{log} is no log of writes")
    written = list(entries(log))[:end]
    last_flush = max((n for n, e in enumerate(written) if e.flush), default=-1)
    kept = at_risk = survived = 0
    with log.open("rb") as source, card.open("r+b") as target:
        for number, entry in enumerate(written):
            if not entry.sectors:
                continue
            if number > last_flush:
                at_risk += 1
                if not survives(number):
                    continue
                survived += 1
            else:
                kept += 1
            source.seek(entry.data)
            target.seek(entry.sector * SECTOR)
            target.write(source.read(entry.sectors * SECTOR))
    return Cut(kept, at_risk, survived)


def half(seed: int) -> Callable[[int], bool]:
    """Selects about half of all numbers, always the same for one seed."""
    return lambda number: random.Random(seed << 32 | number).random() < 0.5
