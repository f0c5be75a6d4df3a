#!/usr/bin/env python3
"""image/lint.py IMAGE: checks an image without a board. IMAGE is a .img or .img.zst. The exit code is 1 if a check fails.

Needs mtools, erofs-utils and zstd. Beside a .img.zst it also checks SHA256SUMS and packages.lock. Does not need root.
"""

import pathlib
import subprocess
import sys
import tempfile

from card_lint import artifacts, boot, card, root
from card_lint.report import Report


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: image/lint.py IMAGE", file=sys.stderr)
        return 64
    given = pathlib.Path(sys.argv[1]).resolve()
    report = Report()
    with tempfile.TemporaryDirectory(prefix="pichat-lint-", dir=given.parent) as folder:
        work = pathlib.Path(folder)
        image = given
        if given.suffix == ".zst":
            artifacts.check(report, given)
            image = work / given.stem
            subprocess.run(["zstd", "-q", "-d", "--sparse", str(given), "-o", str(image)], check=True, timeout=600)
        layout = card.check(report, image)
        tree = root.extract(image, layout, work)
        firmware = boot.extract(image, layout, work)
        boot.check(report, firmware, layout, work)
        root.check(report, tree)
        root.check_pair(report, tree, firmware, work)
    return report.end()


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main())
