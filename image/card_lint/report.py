"""The list of what was looked at."""


class Report:
    def __init__(self) -> None:
        self.looked = 0
        self.wrong: list[str] = []

    def check(self, good: object, text: str) -> bool:
        """One line a check; TEXT says what is meant to hold."""
        self.looked += 1
        if not good:
            self.wrong.append(text)
        print(("ok    " if good else "WRONG ") + text)
        return bool(good)

    def none(self, found: list[str], text: str) -> bool:
        """TEXT names what must not exist; the first few that do are shown."""
        return self.check(not found, text + (": " + ", ".join(found[:8]) if found else ""))

    def end(self) -> int:
        print(f"{self.looked} checks, {len(self.wrong)} wrong")
        return 1 if self.wrong else 0
