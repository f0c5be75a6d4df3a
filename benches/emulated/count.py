"""Servers under measurement: by executed instructions with the plugin, by processor time without it."""

import functools
import mmap
import os
import pathlib
import struct
import time

from client import Client
from server import Server

# The weakest processor of the boards: a Pi 3 or 4 has no atomic instructions of ARMv8.1.
CPU = "cortex-a53"
PASSWORD = "una clave de prueba"
# A server that executes nothing for this long is done; it must be within PATIENCE.
QUIET_SECONDS, PATIENCE = 0.06, 60
# Seconds of the measurement without requests.
IDLE = 5
CELLS = 1024
# System call numbers of Linux on aarch64 (include/uapi/asm-generic/unistd.h).
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


class Snapshot(tuple):
    """Counts of the plugin at one moment."""

    def since(self, before: "Snapshot") -> "Snapshot":
        """Returns the counts since `before`."""
        return Snapshot(b - a for a, b in zip(before, self))

    @property
    def instructions(self) -> int:
        """Instructions of all threads."""
        return self[0]

    def call(self, name: str) -> int:
        """Returns the count of one system call."""
        return self[CALLS[name] + 1]


class Running:
    """Server with an administrator on one core; ends with the block.

    On one core no idle thread is woken; how often that happens depends on the machine.
    """

    def __init__(self, command: list[str], folder: pathlib.Path, argon2: str) -> None:
        core = str(max(os.sched_getaffinity(0)))
        environment = {"PICHAT_TLS_MODE": "off", "ADMIN_PASS": PASSWORD}
        self.server = Server(["taskset", "-c", core, *command], folder, SETTINGS.format(argon2=argon2), environment)

    def client(self) -> Client:
        """Returns a signed-in client."""
        client = Client(self.server.port)
        answer = client.sign_in("admin", PASSWORD)
        assert answer.status == 200, (answer.status, answer.body)
        return client

    def times(self) -> tuple[float, float]:
        """Returns processor seconds in the program and in the kernel, to a hundredth."""
        fields = pathlib.Path(f"/proc/{self.server.process.pid}/stat").read_text().rpartition(") ")[2].split()
        tick = os.sysconf("SC_CLK_TCK")
        return int(fields[11]) / tick, int(fields[12]) / tick

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_: object) -> None:
        self.server.kill()


class Counted(Running):
    """Server under the plugin."""

    def __init__(self, binary: pathlib.Path, plugin: pathlib.Path, folder: pathlib.Path, argon2: str) -> None:
        cells = folder / "cells"
        super().__init__(["qemu-aarch64", "-cpu", CPU, "-plugin", f"{plugin},into={cells}", str(binary)], folder, argon2)
        with cells.open("rb") as file:
            self.cells = mmap.mmap(file.fileno(), 8 * CELLS, prot=mmap.PROT_READ)

    def now(self) -> Snapshot:
        """Returns the current counts."""
        return Snapshot(struct.unpack(f"{CELLS}Q", self.cells))

    def settled(self) -> Snapshot:
        """Returns the counts once the server is idle."""
        deadline = time.monotonic() + PATIENCE
        seen = self.now()
        while time.monotonic() < deadline:
            time.sleep(QUIET_SECONDS)
            again = self.now()
            if again.instructions == seen.instructions:
                return again
            seen = again
        raise AssertionError("the server never came to rest")

    @functools.cached_property
    def idle(self) -> float:
        """Instructions per second without requests: the sweeps."""
        time.sleep(1)
        before, started = self.settled(), time.monotonic()
        time.sleep(IDLE)
        return self.settled().since(before).instructions / (time.monotonic() - started)

    def cost(self, work) -> tuple[float, Snapshot]:
        """Returns the instructions of `work` without the idle load of that time, and the raw difference."""
        idle, before, started = self.idle, self.settled(), time.monotonic()
        work()
        seen = self.settled().since(before)
        return seen.instructions - idle * (time.monotonic() - started), seen

    def sign_in(self, times: int) -> float:
        """Returns the instructions of that many sign-ins."""
        return self.cost(lambda: [self.client() for _ in range(times)])[0]
