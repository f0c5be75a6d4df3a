#!/usr/bin/env python3
"""benches/micro/compare.py [--bless]: compares the instructions of the pure cores with the committed counts.

Builds benches/micro/instructions.rs and runs each operation under valgrind's callgrind, whose counts do not depend on the load of the machine.
Prints a table. Fails if an operation takes over 5 % more than in benches/micro/instructions.txt, or exists on one side only.
--bless rewrites that file; commit it with the change that altered the counts, and the reason.

This crate is optimised as in a release but without link-time optimisation, on the dependencies as built for tests.
That takes half a minute instead of many. The counts serve to compare, not to predict a Pi.

Another compiler, valgrind, C library or processor gives other counts. The script then says so and judges nothing.
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
# Bounds: the slowest operation takes some seconds.
SECONDS, BUILD_SECONDS = 300, 1800
HEAD = "# Instructions of one operation each, as benches/micro/compare.py counts them; benches/micro/compare.py --bless writes this file.\n"
PROFILE = {"opt-level": 2, "codegen-units": 1, "debug": "false", "debug-assertions": "false", "overflow-checks": "false"}
# The program gets a fixed environment. The C library chooses its way to copy large blocks by the processor's caches and model
# unless these thresholds are set.
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "GLIBC_TUNABLES": ":".join(
        f"glibc.cpu.x86_{what}_threshold=0x40000000" for what in ("non_temporal", "rep_movsb", "rep_stosb")
    ),
}


def output_of(*command: str, **options: object) -> str:
    """Returns the output of a command."""
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, **options).stdout


def build() -> pathlib.Path:
    """Builds the program and returns its path."""
    config = [f"--config=profile.dev.package.pichat.{key}={value}" for key, value in PROFILE.items()]
    command = ["cargo", "build", "--locked", "--quiet", "--bench", "instructions", "--message-format=json-render-diagnostics", *config]
    lines = output_of(*command, cwd=ROOT, timeout=BUILD_SECONDS, env={**os.environ, "CARGO_INCREMENTAL": "0"}).splitlines()
    for message in map(json.loads, lines):
        if message.get("executable") and message["target"]["name"] == "instructions":
            return pathlib.Path(message["executable"])
    raise SystemExit("benches/micro/compare.py: cargo built no program")


def count(folder: str, name: str, times: int) -> int:
    """Returns the instructions of one operation."""
    command = ["valgrind", "--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*in_the_count*", "--callgrind-out-file=/dev/null"]
    done = subprocess.run(
        [*command, "./instructions", name], cwd=folder, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS
    )
    collected = re.search(r"^==\d+== Collected : (\d+)$", done.stderr, re.MULTILINE)
    if done.returncode != 0 or not collected or collected[1] == "0":
        raise SystemExit(f"benches/micro/compare.py: {name!r} was not counted: {done.stderr}")
    return round(int(collected[1]) / times)


def measure() -> tuple[list[str], dict[str, int]]:
    """Returns the versions of the tools, and the counts by name."""
    with tempfile.TemporaryDirectory() as folder:
        # The path lies on the program's stack, so its length is fixed.
        shutil.copy(build(), f"{folder}/instructions")
        machine, *rows = output_of("./instructions", "--list", cwd=folder, env=ENVIRONMENT, timeout=SECONDS).splitlines()
        cases = {name: int(times) for times, name in (row.split("\t") for row in rows)}
        with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            counts = dict(zip(cases, pool.map(lambda case: count(folder, *case), cases.items())))
    versions = [output_of("rustc", "--version", cwd=ROOT).strip(), output_of("valgrind", "--version").strip(), os.confstr("CS_GNU_LIBC_VERSION"), machine[2:]]
    return versions, counts


def baseline() -> tuple[list[str], dict[str, int]]:
    """Returns versions and counts of BASELINE."""
    if not BASELINE.exists():
        return [], {}
    lines = BASELINE.read_text().splitlines()
    rows = (line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))
    return [line[2:] for line in lines[1:] if line.startswith("# ")], {name: int(n) for n, name in rows}


def judge(before: dict[str, int], now: dict[str, int]) -> list[str]:
    """Prints the table; returns the faults."""
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
    """Counts, then compares or rewrites the baseline."""
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
        print(f"NOT JUDGED: the baseline has other versions ({differ or 'none are named'}).")
        print("If the table is right, benches/micro/compare.py --bless on the machine of the gate makes it the baseline.")
    elif wrong:
        raise SystemExit(
            "benches/micro/compare.py: " + "; ".join(wrong) + ".\nIf that is intended, benches/micro/compare.py --bless writes the new counts; commit them with the reason."
        )
    else:
        print(f"no operation takes over {100 * ALLOWED:.0f} % more instructions than the baseline")


main()
