"""Checks of the system inside that several scenarios share."""

import re

from ..fixtures import Bench, Device

# In a guest of 512 MiB, so that such a Pi has most of it free.
MEMORY_MIB = 110
# systemd's exposure level of a unit, from 0 (nothing allowed) to 10 (everything).
EXPOSURE = 1.5
LOOPBACK = re.compile(r"^(127\.|\[?::1\]?:|\[?::ffff:127\.)")


def audit(bench: Bench, device: Device, *events: str) -> None:
    """Checks that the journal holds these events under the server's name."""
    lines = device.report.ask("journalctl -t pichat -b --no-pager -o cat")
    for event in events:
        found = re.search(rf"event={re.escape(event)}\S*", lines)
        bench.checks.check(found, f"journalctl -t pichat has {found.group(0) if found else 'event=' + event}", lines)


def running(bench: Bench, device: Device) -> None:
    """Checks that the system has started completely."""
    state = device.system_state()
    failed = device.report.ask("systemctl --failed --no-pager --plain --no-legend")
    bench.checks.check(state == "running", "systemctl is-system-running says running", f"{state}\n{failed}")
    bench.checks.check(not failed, "no unit has failed", failed)


def durable_data(bench: Bench, device: Device) -> None:
    """Checks that the data is on the card, not on the fallback in memory."""
    kind = device.report.ask("findmnt -no FSTYPE /data")
    bench.checks.check(kind == "ext4", "/data is on the card (ext4)", kind)


def open_ports(device: Device) -> tuple[set[tuple[str, int]], str]:
    """Returns the ports that are reachable over the network, and the output of ss(8)."""
    said = device.report.ask("ss -Hlntu")
    found = set()
    for line in said.splitlines():
        fields = line.split()
        if len(fields) < 5:
            continue
        address, _, port = fields[4].rpartition(":")
        if not LOOPBACK.match(f"{address}:"):
            found.add((fields[0], int(port)))
    return found, said


def system(bench: Bench, device: Device) -> None:
    """Runs all checks after the device was used."""
    checks, ask = bench.checks, device.report.ask
    running(bench, device)
    durable_data(bench, device)
    for folder in ("/etc", "/usr"):
        status, said = device.report.run(f"touch {folder}/x")
        checks.check(status != 0 and "Read-only" in said, f"{folder} cannot be written to, even by root", said)
    options = ask("findmnt -no OPTIONS /boot/firmware")
    checks.check("ro" in options.split(","), "the boot partition is mounted read-only", options)
    ports, said = open_ports(device)
    # 68 is the client's end of DHCP.
    foreign = ports - {("tcp", 80), ("tcp", 443), ("udp", 5353), ("udp", 68)}
    ours = {("tcp", 80), ("tcp", 443)} <= ports
    checks.check(ours and not foreign, "only ports 80 (HTTP), 443 (HTTPS) and 5353 (mDNS) are open", said)
    bench.memory = device.memory_mib()
    if bench.kind == "virt":
        holds = 0 < bench.memory <= MEMORY_MIB
        checks.check(holds, f"{bench.memory} MiB of memory in use, {MEMORY_MIB} at most", ask("ps -eo rss,comm --sort=-rss | head -14"))
    else:
        checks.note(f"{bench.memory} MiB of memory in use")
    said = ask("systemd-analyze security --no-pager pichat.service | tail -1")
    exposure = re.search(r"(\d+\.\d+)", said)
    checks.check(exposure and float(exposure.group(1)) <= EXPOSURE, f"systemd-analyze security: {said.strip('→ ')}", said)
    no_login(bench, device)
    checks.note(f"clock: {ask('date -u +%FT%TZ')}, synchronised: {ask('test -e /run/systemd/timesync/synchronized && echo yes || echo no')}")
    checks.note(f"start: {ask('systemd-analyze | head -1')}")
    warnings = ask("journalctl -b -p warning --no-pager -o short-monotonic | tail -30")
    checks.note(f"{len(warnings.splitlines())} lines of the journal are warnings or worse (report.log)")


def no_login(bench: Bench, device: Device) -> None:
    """Checks that no console has a login prompt and that no password is set."""
    ask = device.report.ask
    running_now = ask("ps -eo args | grep -E '[a]getty|[/]bin/login' || true")
    bench.checks.check(not running_now, "no getty and no login is running", running_now)
    text = device.machine.console.text()
    prompts = [line for line in text.splitlines() if re.search(r"\b(login|password|contraseña) ?: *$", line, re.IGNORECASE)]
    bench.checks.check(not prompts, "no login prompt on the console", "\n".join(prompts))
    locked = ask("grep -vE '^[^:]+:[*!]' /etc/shadow || true")
    bench.checks.check(not locked, "no account of the system has a password", locked)
