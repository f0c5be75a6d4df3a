"""`image/test/boot MACHINE [SCENARIO...]`: runs scenarios in order and prints a table of them."""

import argparse
import random
import shutil
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from .fixtures import Bench
from .card import unpack_image
from .checks import Checks, Failed
from .machine import MACHINES
from .scenarios import SCENARIOS, SUMMARIES

ROOT = Path(__file__).resolve().parents[3]
BUILT = "target/image/pichat-*-arm64.img.zst"


@dataclass(frozen=True)
class Result:
    scenario: str
    failed: int
    seconds: float
    first_answer: float | None
    memory: int | None


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="image/test/boot", description="Starts the SD card image in an emulated machine.")
    parser.add_argument("machine", nargs="?", choices=MACHINES, help="the board that QEMU plays")
    parser.add_argument("scenario", nargs="*", help="which stories; `story` if none is named")
    parser.add_argument("--all", action="store_true", help="every scenario")
    parser.add_argument("--list", action="store_true", help="say what there is and end")
    parser.add_argument("--image", type=Path, help=f"an image, packed or not; else the newest {BUILT}")
    parser.add_argument("--keep", action="store_true", help="leave the work folder: cards, console and report logs")
    parser.add_argument("--seed", type=int, help="of everything left to chance; printed, to repeat a run")
    options = parser.parse_args()
    if options.list:
        for name, summary in SUMMARIES.items():
            print(f"{name:22} {summary}")
        sys.exit(0)
    if options.machine is None:
        parser.error("name a machine: " + ", ".join(MACHINES))
    if unknown := [name for name in options.scenario if name not in SCENARIOS]:
        parser.error(f"no such scenario: {', '.join(unknown)}; --list names them")
    return options


def newest_image() -> Path:
    built = sorted(ROOT.glob(BUILT), key=lambda path: path.stat().st_mtime)
    if not built:
        sys.exit(f"image/test/boot: there is no {BUILT}; image/build makes it")
    return built[-1]


def play(name: str, bench: Bench) -> Result:
    """Runs one scenario and prints ok or FAILED."""
    print(f"\n=== {name} on {bench.kind}: {SUMMARIES[name]}", flush=True)
    started = time.monotonic()
    broken = None
    try:
        SCENARIOS[name](bench)
    except Failed as failure:
        broken = str(failure)
        if broken not in bench.checks.failed:
            bench.checks.check(False, broken)
    except Exception:  # an error of the test or an unreadable answer ends this scenario only
        broken = "the scenario broke off"
        bench.checks.check(False, broken, traceback.format_exc())
    seconds = time.monotonic() - started
    failed = len(bench.checks.failed)
    if failed and bench.devices:
        print("  --- the end of the console")
        for line in bench.devices[-1].machine.console.tail().splitlines():
            print(f"  | {line}")
    print(f"  {'FAILED' if failed else 'ok'}: {name}, {seconds:.0f} s", flush=True)
    return Result(name, failed, seconds, bench.first_answer(), bench.memory)


def table(results: list[Result]) -> None:
    def figure(value: float | None, unit: str) -> str:
        return "" if value is None else f"{value:.0f} {unit}"

    print(f"\n{'scenario':22} {'result':10} {'took':>8} {'answered':>9} {'memory':>8}")
    for r in results:
        state = "ok" if not r.failed else f"{r.failed} FAILED"
        memory = figure(r.memory, "MiB")
        print(f"{r.scenario:22} {state:10} {figure(r.seconds, 's'):>8} {figure(r.first_answer, 's'):>9} {memory:>8}")


def main() -> int:
    options = arguments()
    # A signal unwinds like Ctrl+C, so that QEMU ends too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    names = list(SCENARIOS) if options.all else options.scenario or ["story"]
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    image = (options.image or newest_image()).resolve(strict=True)
    folder = ROOT / "target" / "image-test" / options.machine
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    print(f"image {image.name}, machine {options.machine}, seed {seed}", flush=True)
    raw = unpack_image(image, folder)
    results = []
    for name in names:
        work = folder / name
        result = play(name, Bench(options.machine, raw, work, Checks(), seed))
        results.append(result)
        if not result.failed and not options.keep:
            shutil.rmtree(work, ignore_errors=True)
    table(results)
    failed = any(r.failed for r in results)
    if failed:
        print(f"\nLogs and cards of what failed are in {folder.relative_to(ROOT)}.")
    elif not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
