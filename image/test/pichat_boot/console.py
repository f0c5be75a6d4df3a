"""Serial console of the device: the whole log, and the current screen of a terminal."""

import re
from pathlib import Path

ESCAPE = re.compile(
    r"\x1b\[([0-9;?]*)([A-Za-z@`])"  # control sequences: parameters and final byte
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # titles and similar
    r"|\x1b[PX^_][^\x1b]*\x1b\\"
    r"|\x1b[()*+][A-Za-z0-9]|\x1b[=>78cDEHMNOZ]"
)
# ESC c resets the terminal.
RESET = "\x1bc"
# Claim code as shown: thirteen characters of Crockford's base32, so neither I, L, O nor U.
CLAIM_CODE = re.compile(r"(?<![0-9A-Z-])([0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{5})(?![0-9A-Z-])")

# The SHA-256 of the device's certificate authority: two lines of eight groups.
FINGERPRINT_LINE = re.compile(r"(?:^|\s)((?:[0-9A-F]{4} ){7}[0-9A-F]{4})$", re.MULTILINE)


class Console:
    """Log file that QEMU writes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def size(self) -> int:
        """Returns the bytes so far; growth shows progress."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def raw(self) -> str:
        try:
            return self.path.read_bytes().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def text(self) -> str:
        """Returns the whole text without cursor movements."""
        return ESCAPE.sub("", self.raw()).replace("\r", "").replace("\0", "")

    def screen(self) -> str:
        return render(self.raw())

    def claim_code(self) -> str | None:
        """Returns the code on the current screen."""
        found = CLAIM_CODE.findall(self.screen())
        return found[-1] if found else None

    def fingerprint(self) -> str | None:
        """Returns the certificate's fingerprint on the current screen, as 64 digits."""
        lines = FINGERPRINT_LINE.findall(self.screen())
        return "".join(lines[-2:]).replace(" ", "") if len(lines) >= 2 else None

    def tail(self, lines: int = 25) -> str:
        """Returns the last lines, without the report's questions and answers."""
        said = [line for line in self.text().splitlines() if line.strip() and not line.startswith(("@", "ask "))]
        return "\n".join(said[-lines:])


def render(written: str) -> str:
    """Returns the screen of a terminal after `written`: a small VT100 without colours or bounds."""
    lines: list[list[str]] = [[]]
    row = column = 0
    position = 0

    def line(at: int) -> list[str]:
        while len(lines) <= at:
            lines.append([])
        return lines[at]

    while position < len(written):
        match = ESCAPE.match(written, position)
        if match:
            position = match.end()
            if match.group(0) == RESET:
                lines, row, column = [[]], 0, 0
            if match.group(2) is None or match.group(1).startswith("?"):
                continue
            numbers = [int(n) if n else 0 for n in match.group(1).split(";")]
            first = numbers[0]
            match match.group(2):
                case "H" | "f":
                    row, column = max(first, 1) - 1, max(numbers[1] if len(numbers) > 1 else 1, 1) - 1
                case "A":
                    row = max(row - max(first, 1), 0)
                case "B":
                    row += max(first, 1)
                case "C":
                    column += max(first, 1)
                case "D":
                    column = max(column - max(first, 1), 0)
                case "G":
                    column = max(first, 1) - 1
                case "d":
                    row = max(first, 1) - 1
                case "J" if first >= 2:
                    lines = [[]]
                case "J" if first == 1:
                    lines[: row + 1] = [[] for _ in range(row + 1)]
                case "J":
                    del line(row)[column:]
                    del lines[row + 1 :]
                case "K" if first == 2:
                    line(row).clear()
                case "K" if first == 1:
                    line(row)[: column + 1] = [" "] * (column + 1)
                case "K":
                    del line(row)[column:]
            continue
        character = written[position]
        position += 1
        if character == "\n":
            row += 1
            line(row)
        elif character == "\r":
            column = 0
        elif character == "\b":
            column = max(column - 1, 0)
        elif character >= " ":
            current = line(row)
            current.extend(" " * (column - len(current)))
            current[column : column + 1] = [character]
            column += 1
    return "\n".join("".join(cells).rstrip() for cells in lines)
