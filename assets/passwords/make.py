#!/usr/bin/env python3
"""Makes common.txt and words-es.txt from Django's wheel and the npm package of Spanish words; README.md says which."""

import gzip
import json
import sys
import tarfile
import unicodedata
import zipfile
from pathlib import Path

PASSWORDS, WORDS = 3000, 1000
# Shorter passwords are refused anyway; shorter words are found in anything.
MIN_PASSWORD, MIN_WORD = 8, 5


def common(wheel: str) -> list[str]:
    """In the order of the source, the commonest first; what is not ASCII there are broken characters."""
    with zipfile.ZipFile(wheel) as archive:
        text = gzip.decompress(archive.read("django/contrib/auth/common-passwords.txt.gz")).decode()
    return [line for line in text.splitlines() if len(line) >= MIN_PASSWORD and line.isascii()][:PASSWORDS]


def words(package: str, known: set[str]) -> list[str]:
    with tarfile.open(package) as archive:
        source = archive.extractfile("package/src/commonWords.json")
        assert source is not None
        listed = json.load(source)
    plain = ("".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c)) for word in listed)
    fit = (word for word in plain if len(word) >= MIN_WORD and word.isascii() and word.isalpha() and word not in known)
    return list(dict.fromkeys(fit))[:WORDS]


def main() -> None:
    wheel, package = sys.argv[1:]
    here = Path(__file__).parent
    passwords = common(wheel)
    (here / "common.txt").write_text("".join(f"{one}\n" for one in passwords))
    (here / "../static/words-es.txt").write_text("".join(f"{one}\n" for one in words(package, set(passwords))))


if __name__ == "__main__":
    main()
