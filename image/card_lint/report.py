"""Report of the checks."""


class Report:
    def __init__(self) -> None:
        self.looked = 0
        self.wrong: list[str] = []

    def check(self, good: object, text: str) -> bool:
        """Prints one line a check; TEXT is the property."""
        self.looked += 1
        if not good:
            self.wrong.append(text)
        print(("ok    " if good else "WRONG ") + text)
        return bool(good)

    def none(self, found: list[str], text: str) -> bool:
        """Fails if WRONG has entries and shows the first few; TEXT is the property."""
        return self.check(not found, text + (": " + ", ".join(found[:8]) if found else ""))

    def end(self) -> int:
        print(f"{self.looked} checks, {len(self.wrong)} wrong")
        return 1 if self.wrong else 0
