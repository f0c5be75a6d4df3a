"""A server that is measured: under the plugin, what it has executed; as it is, where its time goes."""

import functools
import mmap
import os
import pathlib
import struct
import time

from client import Client
from server import Server

# The weakest processor among the boards: no atomic instructions of ARMv8.1, as on a Pi 3 and 4.
CPU = "cortex-a53"
PASSWORD = "una clave de prueba"
# A server that executes nothing for so long has done what it was asked for, but it must come to that within the patience.
QUIET, PATIENCE = 0.06, 60
# How long it is watched while nobody asks for anything.
IDLE = 5
CELLS = 1024
# Numbers of Linux on aarch64 (include/uapi/asm-generic/unistd.h).
CALLS = {"write": 64, "writev": 66, "sendto": 206, "sendmsg": 211, "read": 63, "readv": 65, "recvfrom": 207, "epoll_pwait": 22, "futex": 98}

SETTINGS = """
[accounts]
argon2 = "{argon2}"
[limits]
requests_per_minute = 1000000
request_burst = 1000000
messages_per_minute = 1000000
message_burst = 1000000
joins_per_minute = 1000000
room_members = 1024
connections_per_address = 2048
sockets_per_session = 2048
sessions_per_user = 64
"""


class Seen(tuple):
    """The plugin's numbers at one moment."""

    def since(self, before: "Seen") -> "Seen":
        """What came since then."""
        return Seen(b - a for a, b in zip(before, self))

    @property
    def instructions(self) -> int:
        """Of all threads."""
        return self[0]

    def call(self, name: str) -> int:
        """Of one system call."""
        return self[CALLS[name] + 1]


class Running:
    """A server of its own with an administrator, on one core; ended when the block is left.

    One core, so that no thread wakes another one for a while and takes it back to sleep: how often depends on the machine.
    """

    def __init__(self, command: list[str], folder: pathlib.Path, argon2: str) -> None:
        core = str(max(os.sched_getaffinity(0)))
        environment = {"PICHAT_TLS_MODE": "off", "ADMIN_PASS": PASSWORD}
        self.server = Server(["taskset", "-c", core, *command], folder, SETTINGS.format(argon2=argon2), environment)

    def client(self) -> Client:
        """Somebody who is signed in."""
        client = Client(self.server.port)
        answer = client.sign_in("admin", PASSWORD)
        assert answer.status == 200, (answer.status, answer.body)
        return client

    def times(self) -> tuple[float, float]:
        """Seconds of processor in the program and in the kernel for it, to a hundredth."""
        fields = pathlib.Path(f"/proc/{self.server.process.pid}/stat").read_text().rpartition(") ")[2].split()
        tick = os.sysconf("SC_CLK_TCK")
        return int(fields[11]) / tick, int(fields[12]) / tick

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_: object) -> None:
        self.server.kill()


class Counted(Running):
    """One under the plugin."""

    def __init__(self, binary: pathlib.Path, plugin: pathlib.Path, folder: pathlib.Path, argon2: str) -> None:
        cells = folder / "cells"
        super().__init__(["qemu-aarch64", "-cpu", CPU, "-plugin", f"{plugin},into={cells}", str(binary)], folder, argon2)
        with cells.open("rb") as file:
            self.cells = mmap.mmap(file.fileno(), 8 * CELLS, prot=mmap.PROT_READ)

    def now(self) -> Seen:
        """The numbers now."""
        return Seen(struct.unpack(f"{CELLS}Q", self.cells))

    def quiet(self) -> Seen:
        """The numbers when the server has nothing more to do."""
        deadline = time.monotonic() + PATIENCE
        seen = self.now()
        while time.monotonic() < deadline:
            time.sleep(QUIET)
            again = self.now()
            if again.instructions == seen.instructions:
                return again
            seen = again
        raise AssertionError("the server never came to rest")

    @functools.cached_property
    def idle(self) -> float:
        """Instructions a second that nobody asked for: the sweeps."""
        time.sleep(1)
        before, started = self.quiet(), time.monotonic()
        time.sleep(IDLE)
        return self.quiet().since(before).instructions / (time.monotonic() - started)

    def cost(self, work) -> tuple[float, Seen]:
        """Instructions that `work` takes, without what the server does anyway in that time; and the raw difference."""
        idle, before, started = self.idle, self.quiet(), time.monotonic()
        work()
        seen = self.quiet().since(before)
        return seen.instructions - idle * (time.monotonic() - started), seen

    def sign_in(self, times: int) -> float:
        """What so many sign-ins cost."""
        return self.cost(lambda: [self.client() for _ in range(times)])[0]
