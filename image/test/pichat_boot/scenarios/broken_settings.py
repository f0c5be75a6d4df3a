"""An invalid pichat.toml, or one with Windows' line ends: the device starts, with the last valid settings, and reports each error's position."""

import re

from .. import mdns
from ..fixtures import SETTINGS, Bench, Device
from ..card import Card
from ..settings import with_setting
from . import state_inside

HOSTNAME = "taller"


def run(bench: Bench) -> None:
    card = bench.flash()
    shipped = (card.read(SETTINGS) or b"").decode()
    bench.checks.need(shipped, f"the image brings a {SETTINGS}")
    broken(bench, card, shipped + "\n[device\n", "a syntax error")
    unknown = with_setting(shipped, "device", "hostnam", HOSTNAME)
    broken(bench, card, unknown, "an unknown key", "hostnam")
    windows_line_ends(bench, card, shipped)
    broken(bench, card, shipped + "\n[device\n", "a syntax error, after a good one", name=HOSTNAME)


def broken(bench: Bench, card: Card, text: str, what: str, word: str = "[device", name: str = "pichat") -> None:
    checks = bench.checks
    line = next(n for n, l in enumerate(text.splitlines(), start=1) if l.split("=")[0].strip() == word)
    place = re.compile(rf"pichat\.toml:{line}:\d+: ?\S.*")
    card.write(SETTINGS, text.encode())
    checks.note(f"{SETTINGS} with {what} in line {line}")
    with bench.power_on(card) as device:
        device.claim() if not claimed(device) else None
        checks.check(True, "it starts all the same")
        screen = device.machine.wait_for("the error on the console", _screen_with(device, place))
        checks.check(True, f"the console says where: {place.search(screen).group(0).strip()}")  # type: ignore[union-attr]
        journal = device.report.ask("journalctl -b --no-pager -o cat")
        checks.check(place.search(journal), "the journal says it too", device.report.ask("journalctl -b -p err --no-pager"))
        checks.check(device.report.ask("cat /proc/sys/kernel/hostname") == name, f"its name is still {name}")
        device.report.power_off()


def claimed(device: Device) -> bool:
    return device.wait_for_answer().location() != "/activar"


def _screen_with(device: Device, pattern: re.Pattern[str]):  # noqa: ANN202
    def probe() -> str | None:
        screen = device.machine.console.screen()
        return screen if pattern.search(screen) else None

    return probe


def windows_line_ends(bench: Bench, card: Card, shipped: str) -> None:
    checks = bench.checks
    text = with_setting(shipped, "device", "hostname", HOSTNAME)
    card.write(SETTINGS, text.replace("\n", "\r\n").encode())
    checks.note(f"{SETTINGS} mended, with CRLF, and another host name")
    with bench.power_on(card) as device:
        device.wait_for_answer()
        checks.check(device.report.ask("cat /proc/sys/kernel/hostname") == HOSTNAME, "the host name is the new one")
        device.machine.wait_for("the new name on the console", _screen_with(device, re.compile(rf"{HOSTNAME}\.local")))
        checks.check(True, f"the console shows {HOSTNAME}.local")
        screen = device.machine.console.screen()
        checks.check("pichat.toml:" not in screen, "and no error any more", screen)
        name = f"{HOSTNAME}.local"
        heard = device.neighbour.ask([(name, mdns.AAAA), (name, mdns.A)])
        checks.check({mdns.A, mdns.AAAA} <= {r.kind for r in heard if r.name == name}, f"a neighbour finds {name}", heard)
        state_inside.audit(bench, device, "tls.authority_made result=ok reason=host_name")
        state_inside.running(bench, device)
        device.report.power_off()
