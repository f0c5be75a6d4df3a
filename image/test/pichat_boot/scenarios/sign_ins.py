"""Concurrent sign-ins: the memory of a small board suffices, and the server frees the memory of the hashes."""

import concurrent.futures
import time

from ..fixtures import Bench, Device
from . import state_inside

AT_ONCE, IN_ALL = 4, 24
# Of a guest of 512 MiB; the figure of the story.
MOST_MIB = 110


def memory(device: Device) -> dict[str, int]:
    """Returns the server's memory in KiB: current and peak."""
    lines = device.report.ask("cat /proc/$(systemctl show -P MainPID pichat)/status").splitlines()
    return {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith(("VmRSS", "VmHWM"))}


def run(bench: Bench) -> None:
    checks = bench.checks
    card = bench.flash()
    with bench.power_on(card) as device:
        device.claim()
        before = memory(device)
        start = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as people:
            answers = [answer for _, answer in people.map(lambda _: device.sign_in(), range(IN_ALL))]
        took = time.monotonic() - start
        wrong = [answer for answer in answers if answer.status != 200]
        checks.check(not wrong, f"{IN_ALL} sign in, {AT_ONCE} at a time", wrong[:1])
        after = memory(device)
        checks.note(f"{took:.1f} s; the server in KiB: before {before}, after {after}")
        bench.memory = device.memory_mib()
        checks.check(0 < bench.memory <= MOST_MIB, f"{bench.memory} MiB of 512 in use, {MOST_MIB} at most")
        state_inside.running(bench, device)
        device.report.power_off()
