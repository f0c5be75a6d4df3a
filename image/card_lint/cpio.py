"""The newc archives of an initramfs."""

import collections.abc
import dataclasses


@dataclasses.dataclass
class Entry:
    mode: int
    data: bytes


def entries(archive: bytes) -> collections.abc.Iterator[tuple[str, Entry]]:
    """Yields name and entry, up to the trailer. Raises ValueError if the archive is not newc or is truncated."""
    at = 0
    while True:
        if archive[at : at + 6] != b"070701":
            raise ValueError(f"no newc header at {at}")
        field = [int(archive[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        mode, size, name_size = field[1], field[6], field[11]
        name = archive[at + 110 : at + 110 + name_size - 1].decode()
        at = _aligned(at + 110 + name_size)
        if name == "TRAILER!!!":
            return
        yield name.removeprefix("./"), Entry(mode, archive[at : at + size])
        at = _aligned(at + size)


def _aligned(offset: int) -> int:
    return (offset + 3) & ~3
