"""Emulated machine: one QEMU process with a card, a serial line and a network cable."""

import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from .card import Card
from .checks import Failed
from .console import Console

Answer = TypeVar("Answer")

# Software emulation takes 50 s to the first answer on a quiet machine and 320 s on a loaded one, so no wait has a short
# bound. A wait ends if the machine shows no progress, or after a very long time.
STALLED_SECONDS = 600
PATIENCE_SECONDS = 1200
MEMORY_MIB = {"virt": 512, "raspi3b": 1024}
MACHINES = tuple(MEMORY_MIB)


@dataclass(frozen=True)
class Ports:
    """Addresses of the machine on 127.0.0.1: its ports 80 and 443, and both ends of the cable to the other host (UDP)."""

    http: int
    https: int
    cable_machine: int
    cable_neighbour: int


def free_ports() -> Ports:
    """Returns free ports, bound together until all are known, so that they differ."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as http,
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as https,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        ears = (http, https, one, other)
        for ear in ears:
            ear.bind(("127.0.0.1", 0))
        return Ports(*(ear.getsockname()[1] for ear in ears))


class Machine:
    """Running machine. Leaving the `with` block cuts its power."""

    def __init__(self, kind: str, card: Card, folder: Path, arguments: str, write_log: Path | None = None) -> None:
        """`arguments` go to the kernel's command line. With a `write_log`, every write to the card is recorded there."""
        folder.mkdir(parents=True, exist_ok=True)
        self.kind = kind
        self.card = card
        self.ports = free_ports()
        self.console = Console(folder / "console.log")
        self.errors = folder / "qemu.log"
        command = self._command(folder, arguments, write_log)
        self.started = time.monotonic()
        with self.console.path.open("wb") as screen, self.errors.open("wb") as errors:
            # setpriv: if this program is killed, the kernel ends QEMU.
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "nice", "-n", "5", *command],
                stdin=subprocess.PIPE,
                stdout=screen,
                stderr=errors,
                start_new_session=True,  # Ctrl+C reaches this program only, which then ends QEMU
            )

    def __enter__(self) -> "Machine":
        return self

    def __exit__(self, *_: object) -> None:
        self.cut_power()

    def _command(self, folder: Path, arguments: str, write_log: Path | None) -> list[str]:
        files = self.card.boot_files(folder)
        # The same consoles as on a card in a Pi, but the serial line last: the last one is /dev/console.
        words = [word for word in files.command_line.split() if not word.startswith("console=")]
        serial = "ttyAMA0" if self.kind == "virt" else "ttyS1,115200"
        words += ["console=tty0", f"console={serial}", "systemd.default_device_timeout_sec=600", arguments]
        command = ["qemu-system-aarch64", "-display", "none", "-no-reboot", "-monitor", "none"]
        command += ["-chardev", "stdio,id=serial,signal=off"]
        command += ["-kernel", str(files.kernel), "-initrd", str(files.initrd)]
        if self.kind == "virt":
            command += ["-M", "virt", "-cpu", "cortex-a76", "-smp", "2", "-m", str(MEMORY_MIB["virt"])]
            command += ["-serial", "chardev:serial", "-device", "virtio-rng-pci,romfile="]
            # Merged writes may have as many pieces as a system call takes (IOV_MAX); blklogwrites adds two and they fail.
            options = "discard=off,write-zeroes=off,request-merging=off"
            command += ["-device", f"virtio-blk-pci,drive=card,romfile=,{options}"]
            command += ["-device", "virtio-net-pci,netdev=socket,romfile="]
            command += self._disk("none", write_log)
        else:
            tree = self.card.device_tree("bcm2837-rpi-3-b", folder)
            command += ["-M", "raspi3b", "-dtb", str(tree), "-serial", "null", "-serial", "chardev:serial"]
            command += ["-device", "usb-net,netdev=socket"]
            command += self._disk("sd", write_log)
            # The emulated watchdog resets the machine as soon as it is started.
            words.append("module_blacklist=bcm2835_wdt")
        return command + self._cable() + ["-append", " ".join(words)]

    def _disk(self, interface: str, write_log: Path | None) -> list[str]:
        """Attaches the card. no-flush: a flush of the guest does not flush the host's disk. A killed QEMU loses nothing by
        that, since the host's page cache survives."""
        option = f"if={interface},id=card,cache.no-flush={{}},discard=ignore,detect-zeroes=off"
        path = str(self.card.path).replace(",", ",,")
        if write_log is None:
            return ["-drive", option.format("on") + f",format=raw,file={path}"]
        log = str(write_log).replace(",", ",,")
        # Here a flush must reach the log.
        return [
            "-drive",
            option.format("off") + ",driver=blklogwrites,log-sector-size=512"
            f",file.driver=file,file.filename={path},file.cache.no-flush=on"
            f",log.driver=file,log.filename={log},log.cache.no-flush=on",
        ]

    def _cable(self) -> list[str]:
        """Attaches a hub with three sockets: the machine, QEMU's network (DHCP, forwarded ports), and another host whose
        Ethernet frames are UDP datagrams over 127.0.0.1. Nothing leaves the host."""
        ports = self.ports
        return [
            *("-netdev", f"user,id=network,hostfwd=tcp:127.0.0.1:{ports.http}-:80,hostfwd=tcp:127.0.0.1:{ports.https}-:443"),
            *("-netdev", "dgram,id=neighbour,local.type=inet,local.host=127.0.0.1"
              f",local.port={ports.cable_machine},remote.type=inet,remote.host=127.0.0.1,remote.port={ports.cable_neighbour}"),
            *("-netdev", "hubport,id=socket,hubid=0"),
            *("-netdev", "hubport,id=uplink,hubid=0,netdev=network"),
            *("-netdev", "hubport,id=side,hubid=0,netdev=neighbour"),
        ]  # fmt: skip

    def is_on(self) -> bool:
        return self.process.poll() is None

    def seconds(self) -> float:
        """Returns the seconds since power-on."""
        return time.monotonic() - self.started

    def type_line(self, line: str) -> None:
        """Types on the serial line."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def wait_for(self, what: str, probe: Callable[[], Answer | None], pause: float = 0.5) -> Answer:
        """Calls `probe` until it returns something true, while the device makes progress."""
        asked = grown = time.monotonic()
        size = self.console.size()
        while True:
            on = self.is_on()
            if answer := probe():
                return answer
            now = time.monotonic()
            if self.console.size() != size:
                size, grown = self.console.size(), now
            if not on:
                errors = self.errors.read_text(errors="replace").strip()
                raise Failed(f"the machine went off while waiting for {what} {errors}")
            if now - grown > STALLED_SECONDS:
                raise Failed(f"no progress for {STALLED_SECONDS} s while waiting for {what}")
            if now - asked > PATIENCE_SECONDS:
                raise Failed(f"waited {PATIENCE_SECONDS} s for {what}")
            time.sleep(pause)

    def wait_off(self) -> None:
        """Waits for the end of a power-off. A Pi has no switch: it halts and is then unplugged."""
        halted = ("reboot: Power down", "System halted")
        self.wait_for("power off", lambda: not self.is_on() or any(h in self.console.text() for h in halted))
        self.cut_power()

    def cut_power(self) -> None:
        """Kills QEMU by its pid. The module `power_cut` describes the lost writes."""
        if self.is_on():
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=60)
        if self.process.stdin is not None:
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass
