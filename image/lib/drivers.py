#!/usr/bin/env python3
"""drivers.py WORK: checks that every device in the boards' device trees has its module on the card.

Fails if the kernel has a module for a device and neither modules/*.txt nor modules/left-out.txt names it. Without it a board
could start without its screen or its Wi-Fi, which no emulator shows.
"""

import collections.abc
import fnmatch
import pathlib
import struct
import sys

IMAGE = pathlib.Path(__file__).resolve().parent.parent
BEGIN_NODE, END_NODE, PROPERTY, NOP, END = 1, 2, 3, 4, 9


def compatibles(tree: bytes) -> collections.abc.Iterator[str]:
    """Returns the strings of every "compatible" property of a flattened device tree."""
    magic, _, at, names = struct.unpack_from(">4I", tree)
    if magic != 0xD00DFEED:
        raise ValueError("not a device tree")
    while True:
        (token,) = struct.unpack_from(">I", tree, at)
        at += 4
        if token == BEGIN_NODE:
            at = tree.index(b"\0", at) + 1
        elif token == PROPERTY:
            length, name = struct.unpack_from(">2I", tree, at)
            at += 8
            if tree[names + name : names + name + 11] == b"compatible\0":
                yield from tree[at : at + length].decode().rstrip("\0").split("\0")
            at += length
        elif token == END:
            return
        elif token not in (END_NODE, NOP):
            raise ValueError(f"token {token} at {at}")
        at = (at + 3) & ~3


def module(path: str) -> str:
    return path.rsplit("/", 1)[-1].split(".ko")[0].replace("-", "_")


def main() -> int:
    work = pathlib.Path(sys.argv[1])
    tree = work / "kernel/usr/lib/modules" / (work / "kernel-version").read_text().strip()
    chosen = {module(line) for line in (work / "modules-root.list").read_text().splitlines()}
    chosen |= {line.split()[0] for line in (IMAGE / "modules/left-out.txt").read_text().splitlines() if line and line[0] != "#"}
    # "alias of:N*T*Cbrcm,bcm2835-i2c i2c_bcm2835"; the part before C is the node's name and type, which no driver here uses.
    aliases = [line.split()[1:3] for line in (tree / "modules.alias").read_text().splitlines() if line.startswith("alias of:")]
    wanted = [(alias.split("C", 1)[1], name) for alias, name in aliases if name not in chosen]
    missing = set()
    for path in sorted((tree / "dtb/broadcom").glob("bcm*-rpi-*.dtb")):
        for compatible in set(compatibles(path.read_bytes())):
            for pattern, name in wanted:
                if fnmatch.fnmatchcase(compatible, pattern):
                    missing.add(f"drivers: {path.stem} has {compatible}, and {name} is not on the card")
    print("\n".join(sorted(missing)) or f"every device of the boards finds its driver ({len(aliases)} aliases)")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
