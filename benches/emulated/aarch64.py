#!/usr/bin/env python3
"""benches/emulated/aarch64.py [BINARY [NATIVE]]: counts the instructions of a delivery and of a sign-in on an ARM core.

Runs the static aarch64 binary (target/aarch64-unknown-linux-musl/release/pichat, made by image/build-binary) under QEMU's user mode with
the plugin benches/emulated/count.c, sends requests over loopback, and prints tables. All figures are differences, such as twice the
receivers or twice the sign-ins, so that the cost of a start cancels out. Instructions of the kernel are not counted. NATIVE, a release
for this machine, shows the shares of program and kernel in the time of a delivery.

Needs Debian's qemu-user (7.2 or newer, with plugins), gcc and python3. Takes a minute or two. Judges nothing.
"""

import contextlib
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "image" / "test" / "story")]
sys.dont_write_bytecode = True

from boards import BOARDS, estimate  # noqa: E402
from count import Counted, Running  # noqa: E402
from room import Room  # noqa: E402

BINARY = ROOT / "target" / "aarch64-unknown-linux-musl" / "release" / "pichat"
# Receivers: the last two give the slope, the first shows that it is linear.
RECEIVERS = (50, 100, 200)
# Messages in flight.
WINDOWS = (1, 8)
SIGN_INS = 3
ARGON2 = ("m=19456,t=2,p=1", "m=38912,t=2,p=1")


def plugin(folder: pathlib.Path) -> pathlib.Path:
    """Compiles the plugin."""
    made = folder / "count.so"
    source = HERE / "count.c"
    subprocess.run(["gcc", "-Wall", "-Wextra", "-shared", "-fPIC", "-O2", "-o", str(made), str(source)], check=True, timeout=60)
    return made


@contextlib.contextmanager
def server(binary: pathlib.Path, made: pathlib.Path, argon2: str):
    """Runs a server under the plugin, in its own folder."""
    with tempfile.TemporaryDirectory() as folder, Counted(binary, made, pathlib.Path(folder), argon2) as counted:
        yield counted


def deliveries(binary: pathlib.Path, made: pathlib.Path) -> float:
    """Prints the tables of the rooms; returns the cost of a delivery with one message in flight."""
    slopes = {}
    for window in WINDOWS:
        costs = []
        for receivers in RECEIVERS:
            with server(binary, made, ARGON2[0]) as counted, Room(counted, receivers) as room:
                costs.append(room.message(window))
                row = ", ".join(f"{name} {n:.2f}" for name, n in costs[-1].calls(receivers))
                print(f"{receivers:>4} receivers, {window} under way: {costs[-1].instructions:>10.0f} instructions a message; {row}", flush=True)
        pairs = zip(costs, costs[1:], RECEIVERS, RECEIVERS[1:])
        slopes[window] = [(b.instructions - a.instructions) / (m - n) for a, b, n, m in pairs]
        message = costs[-1].instructions - slopes[window][-1] * RECEIVERS[-1]
        slopes_text = " and ".join(f"{slope:.0f}" for slope in slopes[window])
        print(f"     one delivery, {window} under way: {slopes_text} instructions (slopes); the message itself {message:.0f}")
    return slopes[WINDOWS[0]][-1]


def sign_ins(binary: pathlib.Path, made: pathlib.Path) -> float:
    """Prints the table of sign-ins; returns the cost of one with the default parameters."""
    costs = []
    for argon2 in ARGON2:
        with server(binary, made, argon2) as counted:
            counted.sign_in(1)
            few, many = counted.sign_in(SIGN_INS), counted.sign_in(2 * SIGN_INS)
            costs.append((many - few) / SIGN_INS)
            print(f"one sign-in, {argon2}: {costs[-1]:.0f} instructions ({few / SIGN_INS:.0f} in a run of {SIGN_INS})", flush=True)
    hash_alone = costs[1] - costs[0]
    print(f"     of which Argon2id, by twice the memory: {hash_alone:.0f} ({100 * hash_alone / costs[0]:.1f} %)")
    return costs[0]


def share(native: pathlib.Path) -> None:
    """Prints the shares of program and kernel in a delivery on this machine."""
    with tempfile.TemporaryDirectory() as folder, Running([str(native)], pathlib.Path(folder), ARGON2[0]) as running:
        with Room(running, RECEIVERS[-1]) as room:
            for window in WINDOWS:
                program, kernel = room.share(window)
                print(
                    f"here, {window} under way: a delivery takes {program * 1e6:.2f} µs in the program, {kernel * 1e6:.2f} µs in the kernel"
                    f" ({100 * kernel / (program + kernel):.0f} %)",
                    flush=True,
                )


def main() -> None:
    """Measures and prints."""
    binary = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else BINARY).resolve()
    if not binary.exists():
        sys.exit(f"benches/emulated/aarch64.py: {binary} is missing; image/build-binary aarch64-unknown-linux-musl makes it")
    for tool, package in (("qemu-aarch64", "qemu-user"), ("gcc", "gcc")):
        if not shutil.which(tool):
            sys.exit(f"benches/emulated/aarch64.py: {tool} is missing; Debian's package {package} has it")
    with tempfile.TemporaryDirectory() as folder:
        made = plugin(pathlib.Path(folder))
        delivery, sign_in = deliveries(binary, made), sign_ins(binary, made)
    print(f"\n{'user-mode time on':<28} {'a delivery, µs':>18} {'a sign-in, ms':>18}")
    for board in BOARDS:
        (fast, slow), (quick, long) = estimate(board, delivery), estimate(board, sign_in)
        print(f"{board.name:<28} {fast * 1e6:>8.1f} … {slow * 1e6:>6.1f} {quick * 1e3:>9.0f} … {long * 1e3:>6.0f}")
    if sys.argv[2:]:
        share(pathlib.Path(sys.argv[2]).resolve())


main()
