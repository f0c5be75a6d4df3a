#!/usr/bin/env python3
"""benches/micro/compare.py [--bless]: how many instructions the pure cores take, beside the committed counts.

Builds benches/micro/instructions.rs and runs each of its operations under valgrind's callgrind, which counts the same on a busy machine as on a quiet
one. Prints a table and fails when an operation takes over 5 % more than benches/micro/instructions.txt says, is missing there, or is gone.
--bless writes that file anew; its diff belongs into the commit that changed the counts, with the reason.

The counts are of this crate optimised as in a release, but without optimisation at link time, on the dependencies as the tests build them:
that takes half a minute where a release with everything takes many. They serve to compare, not to tell what a Pi does.

Another compiler, valgrind, C library or processor counts otherwise. Then nothing is judged, and that is said.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BASELINE = ROOT / "benches" / "micro" / "instructions.txt"
ALLOWED = 0.05
# The slowest takes some seconds.
SECONDS, BUILD_SECONDS = 300, 1800
HEAD = "# Instructions of one operation each, as benches/micro/compare.py counts them; benches/micro/compare.py --bless writes this file.\n"
PROFILE = {"opt-level": 2, "codegen-units": 1, "debug": "false", "debug-assertions": "false", "overflow-checks": "false"}
# Nothing of this machine's environment reaches the program. How the C library copies large blocks depends on the processor's caches
# and model unless it is told.
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "GLIBC_TUNABLES": ":".join(
        f"glibc.cpu.x86_{what}_threshold=0x40000000" for what in ("non_temporal", "rep_movsb", "rep_stosb")
    ),
}


def said(*command: str, **options: object) -> str:
    """What a command prints."""
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, **options).stdout


def build() -> pathlib.Path:
    """The program that is counted."""
    config = [f"--config=profile.dev.package.pichat.{key}={value}" for key, value in PROFILE.items()]
    command = ["cargo", "build", "--locked", "--quiet", "--bench", "instructions", "--message-format=json-render-diagnostics", *config]
    lines = said(*command, cwd=ROOT, timeout=BUILD_SECONDS, env={**os.environ, "CARGO_INCREMENTAL": "0"}).splitlines()
    for message in map(json.loads, lines):
        if message.get("executable") and message["target"]["name"] == "instructions":
            return pathlib.Path(message["executable"])
    raise SystemExit("benches/micro/compare.py: cargo told of no program")


def count(folder: str, name: str, times: int) -> int:
    """Instructions of one operation."""
    command = ["valgrind", "--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*in_the_count*", "--callgrind-out-file=/dev/null"]
    done = subprocess.run(
        [*command, "./instructions", name], cwd=folder, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS
    )
    collected = re.search(r"^==\d+== Collected : (\d+)$", done.stderr, re.MULTILINE)
    if done.returncode != 0 or not collected or collected[1] == "0":
        raise SystemExit(f"benches/micro/compare.py: {name!r} was not counted: {done.stderr}")
    return round(int(collected[1]) / times)


def measure() -> tuple[list[str], dict[str, int]]:
    """What counts and what it is counted with; the counts by name."""
    with tempfile.TemporaryDirectory() as folder:
        # By a name that is as long everywhere: it lies on the program's stack.
        shutil.copy(build(), f"{folder}/instructions")
        machine, *rows = said("./instructions", "--list", cwd=folder, env=ENVIRONMENT, timeout=SECONDS).splitlines()
        cases = {name: int(times) for times, name in (row.split("\t") for row in rows)}
        with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            counts = dict(zip(cases, pool.map(lambda case: count(folder, *case), cases.items())))
    versions = [said("rustc", "--version", cwd=ROOT).strip(), said("valgrind", "--version").strip(), os.confstr("CS_GNU_LIBC_VERSION"), machine[2:]]
    return versions, counts


def baseline() -> tuple[list[str], dict[str, int]]:
    """What BASELINE says."""
    if not BASELINE.exists():
        return [], {}
    lines = BASELINE.read_text().splitlines()
    rows = (line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))
    return [line[2:] for line in lines[1:] if line.startswith("# ")], {name: int(n) for n, name in rows}


def judge(before: dict[str, int], now: dict[str, int]) -> list[str]:
    """Prints the table; returns what is wrong."""
    wrong = []
    print(f"{'operation':<46} {'baseline':>11} {'now':>11} {'change':>8}")
    for name in [*now, *(name for name in before if name not in now)]:
        old, new = before.get(name), now.get(name)
        change = new / old - 1 if old and new else None
        print(f"{name:<46} {old or '':>11} {new or '':>11} {'' if change is None else f'{100 * change:+.1f} %':>8}")
        if change is None:
            wrong.append(f"{name!r} is {'new' if new else 'gone'}")
        elif change > ALLOWED:
            wrong.append(f"{name!r} takes {100 * change:.1f} % more instructions")
    return wrong


def main() -> None:
    """Counts, and compares or blesses."""
    if sys.argv[1:] not in ([], ["--bless"]):
        raise SystemExit("usage: benches/micro/compare.py [--bless]")
    if not shutil.which("valgrind"):
        raise SystemExit("benches/micro/compare.py: valgrind is missing; Debian's package valgrind has it")
    (old_versions, before), (versions, now) = baseline(), measure()
    wrong = judge(before, now)
    if sys.argv[1:]:
        heads = [HEAD, *(f"# {version}\n" for version in versions)]
        BASELINE.write_text("".join([*heads, *(f"{n:>11}  {name}\n" for name, n in now.items())]))
        print(f"written: {BASELINE.relative_to(ROOT)}")
    elif versions != old_versions:
        differ = "; ".join(f"{old} there, {new} here" for old, new in zip(old_versions, versions) if old != new)
        print(f"NOT JUDGED: the baseline was counted with something else ({differ or 'it says with what not at all'}).")
        print("Look at the table; where it is right, benches/micro/compare.py --bless on the machine of the gate makes it the baseline.")
    elif wrong:
        raise SystemExit(
            "benches/micro/compare.py: " + "; ".join(wrong) + ".\nWhere that is meant, benches/micro/compare.py --bless writes the new counts; commit them with the reason."
        )
    else:
        print(f"no operation takes over {100 * ALLOWED:.0f} % more instructions than the baseline")


main()
