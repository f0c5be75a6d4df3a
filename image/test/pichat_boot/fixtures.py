"""Fixtures: cards, machines that run with them, and actions of users."""

import hashlib
import http.client
import os
import random
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import power_cut, report
from .card import Card
from .checks import Checks
from .http_client import Client, Response, believing
from .machine import Machine
from .mdns import Neighbour
from .report import Report

# Account that claims the device.
USER, PASSWORD = "direccion", "una tarjeta en la oficina"
CODE_FILE, SETTINGS = "PICHAT-CODIGO.txt", "pichat.toml"
# States of a file before its inspection.
PENDING = ("received", "inspecting")


class Device:
    """Running device: its address, screen, cable, and a shell inside for the report."""

    def __init__(self, machine: Machine, neighbour: Neighbour, inside: Report) -> None:
        self.machine = machine
        self.neighbour = neighbour
        self.report = inside
        self.answered: float | None = None
        self._authority: str | None = None

    def plain(self) -> Client:
        """Returns a client of port 80, without TLS."""
        return Client(self.machine.ports.http)

    def authority(self) -> str:
        """Returns the authority from port 80, PEM; fetched once for each power-on."""
        if self._authority is None:
            answer = self.plain().request("GET", "/pichat.crt", patience=20)
            if answer.status != 200:
                raise http.client.HTTPException(f"no certificate: {answer}")
            self._authority = answer.text()
        return self._authority

    def fingerprint(self) -> str:
        """Returns the SHA-256 of that certificate."""
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(self.authority())).hexdigest().upper()

    def client(self) -> Client:
        """Returns a client over HTTPS that trusts the authority."""
        return Client(self.machine.ports.https, believing(self.authority()))

    def _answer(self) -> Response | None:
        try:
            return self.client().is_up()
        except (OSError, http.client.HTTPException):
            return None

    def wait_for_answer(self) -> Response:
        """Returns the first answer to GET / over HTTPS."""
        response = self.machine.wait_for("an answer over HTTPS", self._answer)
        if self.answered is None:
            self.answered = self.machine.seconds()
        return response

    def wait_for_claim_code(self) -> str:
        """Returns the setup code on the screen."""
        return self.machine.wait_for("a setup code on the console", self.machine.console.claim_code)

    def claim(self, user: str = USER, password: str = PASSWORD) -> Client:
        """Claims the device with the code on the screen; returns the signed-in administrator."""
        self.wait_for_answer()
        client = self.client()
        answer = client.claim(self.wait_for_claim_code(), user, password)
        if answer.status != 201:
            raise AssertionError(f"the claim was refused: {answer}")
        return client

    def sign_in(self, user: str = USER, password: str = PASSWORD) -> tuple[Client, Response]:
        client = self.client()
        return client, client.sign_in(user, password)

    def wait_for_verdicts(self, client: Client) -> Response:
        """Returns the list of files once all are inspected; earlier they cannot be downloaded."""

        def listed() -> Response | None:
            answer = client.get("/api/files")
            pending = answer.status == 200 and any(file["state"] in PENDING for file in answer.json())
            return None if pending else answer

        return self.machine.wait_for("a verdict on every file", listed, pause=2)

    def system_state(self) -> str:
        """Returns `running`, or the fault, once the start is over."""
        return self.machine.wait_for("the end of the start", self._state_after_start, pause=5)

    def _state_after_start(self) -> str | None:
        state = self.report.ask("systemctl is-system-running")
        return state if state not in ("initializing", "starting") else None

    def memory_mib(self) -> int:
        """Returns the memory in use, as free(1) counts it."""
        used = re.search(r"^Mem:\s+\d+\s+(\d+)", self.report.ask("free -m"), re.MULTILINE)
        return int(used.group(1)) if used else -1


class Bench:
    """Environment of one scenario; all its files are in one folder."""

    def __init__(self, kind: str, image: Path, folder: Path, checks: Checks, seed: int) -> None:
        self.kind = kind
        self.image = image
        self.folder = folder
        self.checks = checks
        self.chance = random.Random(seed)
        self.devices: list[Device] = []
        self.memory: int | None = None
        self.power_ons = 0

    def flash(self, name: str = "card") -> Card:
        """Returns a new card."""
        self.folder.mkdir(parents=True, exist_ok=True)
        card = Card.flash(self.image, self.folder / f"{name}.img")
        report.put_script(card)
        return card

    @contextmanager
    def power_on(self, card: Card, log: Path | None = None, arguments: str = "") -> Iterator[Device]:
        """Switches a machine on; the end of the block cuts its power."""
        self.power_ons += 1
        folder = self.folder / f"power-on-{self.power_ons}"
        words = f"{report.arguments()} {arguments}".strip()
        with Machine(self.kind, card, folder, words, log) as machine:
            neighbour = Neighbour(machine.ports)
            try:
                device = Device(machine, neighbour, Report(machine, folder / "report.log"))
                self.devices.append(device)
                yield device
            finally:
                neighbour.close()

    @contextmanager
    def power_on_until_cut(self, card: Card, disk: str) -> Iterator[Device]:
        """Switches on, and cuts the power at the end of the block. `disk` is the kind of disk:

        `loyal`    has no cache and keeps all writes of the guest.
        `forgetful` has a volatile cache and loses all writes since the last flush.
        `wayward`  has the same cache and keeps some of these writes, in any order.
        """
        if disk == "loyal" or self.kind == "raspi3b":
            # QEMU's SD card has no flush, so there every disk is loyal.
            with self.power_on(card) as device:
                yield device
            self.checks.note(f"power cut after {device.machine.seconds():.0f} s; a disk without a cache")
            return
        log = self.folder / "writes.log"
        log.unlink(missing_ok=True)
        log.touch()
        after = card.copy(self.folder / "after-cut.img")
        with self.power_on(card, log) as device:
            yield device
        survives = power_cut.half(self.chance.randrange(1 << 32)) if disk == "wayward" else lambda _: False
        cut = power_cut.rebuild(log, after.path, None, survives)
        os.replace(after.path, card.path)
        log.unlink()
        self.checks.note(f"power cut after {device.machine.seconds():.0f} s; a disk with a cache: {cut}")

    def first_answer(self) -> float | None:
        """Returns the seconds from power-on to the first answer of the first device that answered."""
        return next((d.answered for d in self.devices if d.answered is not None), None)
