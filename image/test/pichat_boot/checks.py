"""Checks of facts, one line each."""

from typing import Any


class Failed(Exception):
    """Failed fact that ends a scenario."""


class Checks:
    """Prints facts in order. A wrong one does not end the scenario, so that one run shows all of them."""

    def __init__(self) -> None:
        self.failed: list[str] = []

    def check(self, holds: Any, fact: str, seen: Any = "") -> bool:
        """Checks a fact; prints `seen` if it does not hold."""
        if holds:
            print(f"  ok      {fact}", flush=True)
            return True
        self.failed.append(fact)
        print(f"  FAILED  {fact}", flush=True)
        for line in str(seen).splitlines()[:40]:
            print(f"          | {line}", flush=True)
        return False

    def need(self, holds: Any, fact: str, seen: Any = "") -> None:
        """Checks a fact that the rest of the scenario needs."""
        if not self.check(holds, fact, seen):
            raise Failed(fact)

    def note(self, figure: str) -> None:
        """Prints a value without a check: a duration, a size, a state."""
        print(f"          {figure}", flush=True)
