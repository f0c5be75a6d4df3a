"""Facts that hold or do not, one line each."""

from typing import Any


class Failed(Exception):
    """A fact without which a scenario cannot go on."""


class Checks:
    """Prints facts as they are found. A wrong one does not end the scenario, so that one run shows all of them."""

    def __init__(self) -> None:
        self.failed: list[str] = []

    def check(self, holds: Any, fact: str, seen: Any = "") -> bool:
        """A fact; `seen` is printed where it does not hold."""
        if holds:
            print(f"  ok      {fact}", flush=True)
            return True
        self.failed.append(fact)
        print(f"  FAILED  {fact}", flush=True)
        for line in str(seen).splitlines()[:40]:
            print(f"          | {line}", flush=True)
        return False

    def need(self, holds: Any, fact: str, seen: Any = "") -> None:
        """A fact without which the rest has no meaning."""
        if not self.check(holds, fact, seen):
            raise Failed(fact)

    def note(self, figure: str) -> None:
        """Something seen that is no fact to hold: a duration, a size, a state."""
        print(f"          {figure}", flush=True)
