"""Commands that a shell inside the guest runs, without a login or a port of the image.

The kernel's command line passes a unit to systemd as a credential; its script is on the card's boot partition. Both exist on the
copy of the image only.
"""

import base64
import re
import time
from pathlib import Path

from .card import Card
from .checks import Failed
from .machine import Machine

SCRIPT = "PICHAT-TEST.SH"
UNIT = f"""\
[Unit]
Description=Questions of the boot test
[Service]
ExecStart=/bin/sh /boot/firmware/{SCRIPT}
"""
# Repeats a command after this time, as the line may have been hung up. The guest runs each command once.
RETYPE_SECONDS = 60
# Longest line of a terminal (N_TTY, canonical mode).
LINE_BYTES = 4095


def arguments() -> str:
    """Returns the arguments for the kernel's command line."""
    unit = base64.b64encode(UNIT.encode()).decode()
    name = "pichat-test.service"
    return f"systemd.set_credential_binary=systemd.extra-unit.{name}:{unit} systemd.wants={name}"


def put_script(card: Card) -> None:
    card.write(SCRIPT, Path(__file__).with_name("agent.sh").read_bytes())


class Report:
    """Shell inside one machine."""

    def __init__(self, machine: Machine, protocol: Path) -> None:
        """`protocol` gets a readable copy of commands and output."""
        self.machine = machine
        self.protocol = protocol
        self.asked = 0

    def wait_ready(self) -> None:
        self.machine.wait_for("the shell inside", lambda: "@agent ready" in self.machine.console.text())

    def ask(self, command: str) -> str:
        """Returns the output of a shell command, standard error included."""
        return self.run(command)[1]

    def run(self, command: str) -> tuple[int, str]:
        """Returns exit status and output of a shell command."""
        self.wait_ready()
        self.asked += 1
        typed = f"ask {self.asked} {base64.b64encode(command.encode()).decode()}"
        if len(typed) >= LINE_BYTES:
            raise ValueError("longer than a line on a terminal")
        self._type_until_taken(typed)
        end = re.compile(rf"@end {self.asked} (\d+)$", re.MULTILINE)
        text = self.machine.wait_for(f"the output of: {command}", self._once(end))
        lines = dict(re.findall(rf"@{self.asked} (\d+) ([A-Za-z0-9+/=]+)$", text, re.MULTILINE))
        expected = int(end.search(text).group(1))  # type: ignore[union-attr]
        if len(lines) != expected:
            raise Failed(f"{expected - len(lines)} lines of the report were garbled on the serial line")
        said = base64.b64decode("".join(lines[str(n)] for n in range(1, expected + 1))).decode(errors="replace")
        output, _, status = said.rpartition("@exit ")
        with self.protocol.open("a", encoding="utf-8") as protocol:
            protocol.write(f"## {command}\n{output}\n")
        return int(status), output.strip("\n")

    def _once(self, pattern: re.Pattern[str]):  # noqa: ANN202
        def probe() -> str | None:
            text = self.machine.console.text()
            return text if pattern.search(text) else None

        return probe

    def _type_until_taken(self, typed: str) -> None:
        taken = re.compile(rf"@begin {self.asked}$", re.MULTILINE)
        last = 0.0

        def probe() -> bool:
            nonlocal last
            if taken.search(self.machine.console.text()):
                return True
            if time.monotonic() - last > RETYPE_SECONDS:
                # An empty line first ends a partial one.
                self.machine.type_line("")
                self.machine.type_line(typed)
                last = time.monotonic()
            return False

        self.machine.wait_for("the shell inside to take a command", probe)

    def power_off(self) -> None:
        """Powers off with `systemctl poweroff`."""
        self.wait_ready()
        self.asked += 1
        command = base64.b64encode(b"systemctl --no-block poweroff").decode()
        self._type_until_taken(f"ask {self.asked} {command}")
        self.machine.wait_off()
