"""The SD card: a copy of the image that grows to the size of a card. The image itself stays unchanged."""

import os
import re
import struct
import subprocess
import zlib
from dataclasses import dataclass
from pathlib import Path

SECTOR = 512
# QEMU accepts only powers of two for an SD card. Two GiB leave 1.25 GiB for the data partition.
CARD_BYTES = 2 << 30
# The table of partitions in an MBR, and one entry: 8 unused bytes, first sector, number of sectors.
TABLE, ENTRY = 446, struct.Struct("<4xB3xII")


@dataclass(frozen=True)
class Partition:
    kind: int
    first: int
    sectors: int


@dataclass(frozen=True)
class BootFiles:
    """Files that the firmware would load; QEMU gets them by path, as it has no Pi firmware."""

    kernel: Path
    initrd: Path
    command_line: str


class Card:
    """A card as a file. Its machine must be off during reads and writes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def flash(cls, image: Path, path: Path) -> "Card":
        """Returns a new card with the image on it."""
        copy_sparse(image, path)
        os.truncate(path, CARD_BYTES)
        return cls(path)

    def flash_again(self, image: Path) -> None:
        """Writes the image over this card, as for an update: everything up to the image's end (partition table, boot
        partition, root) is new, the rest stays."""
        subprocess.run(
            ["dd", f"if={image}", f"of={self.path}", "bs=4M", "conv=notrunc", "status=none"], check=True, timeout=600
        )

    def copy(self, path: Path) -> "Card":
        """Returns a copy of the card."""
        copy_sparse(self.path, path)
        return Card(path)

    def partitions(self) -> list[Partition]:
        """Returns the four primary partitions; an empty one has no sectors."""
        with self.path.open("rb") as card:
            mbr = card.read(SECTOR)
        if mbr[510:] != b"\x55\xaa":
            raise ValueError(f"{self.path} has no partition table")
        return [Partition(*ENTRY.unpack_from(mbr, TABLE + 16 * n)) for n in range(4)]

    # The boot partition: FAT, read and written by mtools without mounting it.

    def _mtools(self, tool: str, *arguments: str, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        offset = self.partitions()[0].first * SECTOR
        command = [tool, "-i", f"{self.path}@@{offset}", *arguments]
        environment = {**os.environ, "MTOOLS_SKIP_CHECK": "1", "MTOOLSRC": os.devnull}
        return subprocess.run(command, input=data, capture_output=True, env=environment, timeout=300, check=False)

    def read(self, name: str) -> bytes | None:
        """Returns a file of the boot partition, or None."""
        done = self._mtools("mtype", f"::{name}")
        return done.stdout if done.returncode == 0 else None

    def write(self, name: str, data: bytes) -> None:
        done = self._mtools("mcopy", "-o", "-", f"::{name}", data=data)
        if done.returncode != 0:
            raise OSError(f"mcopy {name}: {done.stderr.decode(errors='replace')}")

    def extract(self, name: str, path: Path) -> Path:
        """Copies a file of the boot partition to `path`."""
        done = self._mtools("mcopy", "-n", "-o", f"::{name}", str(path))
        if done.returncode != 0:
            raise OSError(f"mcopy {name}: {done.stderr.decode(errors='replace')}")
        return path

    def names(self) -> list[str]:
        """Returns the names at the top of the boot partition."""
        done = self._mtools("mdir", "-b", "::")
        return [line[3:].rstrip("/") for line in done.stdout.decode(errors="replace").splitlines() if line]

    def boot_files(self, folder: Path) -> BootFiles:
        """Follows config.txt to the kernel, the initramfs and the command line, as the firmware does."""
        config = (self.read("config.txt") or b"").decode()
        settings = dict(line.split("=", 1) for line in config.splitlines() if re.match(r"[a-z_0-9]+=", line))
        prefix = settings.get("os_prefix", "")
        initramfs = re.search(r"^initramfs (\S+)", config, re.MULTILINE)
        if "kernel" not in settings or initramfs is None:
            raise ValueError("config.txt names no kernel or no initramfs")
        kernel = self.extract(prefix + settings["kernel"], folder / "kernel")
        packed = kernel.read_bytes()
        if packed[:2] == b"\x1f\x8b":
            kernel.write_bytes(zlib.decompress(packed, wbits=31))
        initrd = self.extract(prefix + initramfs.group(1), folder / "initrd")
        command_line = self.read(prefix + "cmdline.txt")
        if command_line is None:
            raise ValueError(f"there is no {prefix}cmdline.txt")
        return BootFiles(kernel, initrd, command_line.decode().strip())

    def device_tree(self, board: str, folder: Path) -> Path:
        """Returns the device tree of a board, from the kernel's folder."""
        config = (self.read("config.txt") or b"").decode()
        prefix = re.search(r"^os_prefix=(\S*)", config, re.MULTILINE)
        return self.extract(f"{prefix.group(1) if prefix else ''}{board}.dtb", folder / f"{board}.dtb")


def copy_sparse(source: Path, target: Path) -> None:
    """Copies a file without its holes, sharing blocks if the file system can."""
    subprocess.run(
        ["cp", "--sparse=always", "--reflink=auto", "--", str(source), str(target)], check=True, timeout=600
    )


def unpack_image(image: Path, folder: Path) -> Path:
    """Returns the raw image: `image` itself, or its decompressed content."""
    if image.suffix != ".zst":
        return image
    raw = folder / "image.img"
    subprocess.run(["zstd", "-q", "-d", "-f", "--sparse", str(image), "-o", str(raw)], check=True, timeout=600)
    return raw
