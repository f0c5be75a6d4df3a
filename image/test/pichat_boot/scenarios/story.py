"""Ordinary use: power on, claim, chat, share a file, power off.

A user flashes a card, plugs the device in and claims it with the code on the screen. Then two browsers chat in a room, and a
file is uploaded and downloaded. A report from inside checks the system.
"""

import re
import ssl

from ..fixtures import CODE_FILE, PASSWORD, USER, Bench, Device
from ..http_client import Client
from . import state_inside
from .. import mdns
from ..websocket import WebSocket

FILE_BYTES = 3 << 20


def run(bench: Bench) -> None:
    checks = bench.checks
    card = bench.flash()
    checks.check(CODE_FILE not in card.names(), f"the image brings no {CODE_FILE}", card.names())
    with bench.power_on(card) as device:
        code = before_the_claim(bench, device)
        trust(bench, device)
        client = claim(bench, device, code)
        after_the_claim(bench, device, code)
        talk(bench, device, client)
        hand_a_file_over(bench, device, client)
        reload(bench, device, client)
        state_inside.audit(bench, device, "server.started", "tls.authority_made", "claim.done", "login.ok", "file.uploaded")
        state_inside.system(bench, device)
        ask_for_the_name(bench, device)
        device.report.power_off()
        checks.note(f"off after {device.machine.seconds():.0f} s")
    checks.check(card.read(CODE_FILE) is None, f"after power-off there is no {CODE_FILE} on the card", card.names())


def before_the_claim(bench: Bench, device: Device) -> str:
    checks = bench.checks
    first = device.wait_for_answer()
    checks.note(f"first answer over HTTPS {device.answered:.0f} s after power-on")
    checks.check((first.status, first.location()) == (303, "/activar"), "GET / over HTTPS leads to /activar", first)
    code = device.wait_for_claim_code()
    screen = device.machine.wait_for(
        "the address on the console",
        lambda: screen if "10.0.2." in (screen := device.machine.console.screen()) else None,
    )
    checks.check(True, f"the console shows the setup code, in the form of {re.sub('[A-Z0-9]', 'X', code)}")
    checks.check(re.search(r"http://10\.0\.2\.\d+$", screen, re.MULTILINE), "the console shows the address", screen)
    checks.check("http://pichat.local" in screen, "the console shows the name pichat.local", screen)
    checks.check("https://pichat.local/activar" in screen, "and where the code is typed", screen)
    shown = device.machine.console.fingerprint()
    checks.check(shown == device.fingerprint(), "the certificate that port 80 offers has the fingerprint on the console", f"{shown}\n{screen}")
    page = device.client().get("/activar")
    checks.check(page.status == 200 and 'name="codigo"' in page.text(), "GET /activar is a form", page)
    refused = device.client().get("/api/session")
    checks.check(refused.status == 401, "nobody is signed in", refused)
    notice = device.machine.wait_for(
        f"{CODE_FILE} on the card",
        lambda: t if "@missing" not in (t := device.report.ask(f"cat /boot/firmware/{CODE_FILE} || echo @missing")) else None,
        pause=5,
    )
    checks.check(code in notice, f"{CODE_FILE} on the card names the same code", notice)
    digits = re.sub(r"\s", "", notice)
    checks.check(device.fingerprint() in digits, "and the same fingerprint of the certificate", notice)
    checks.check("https://pichat.local/activar" in notice, "and where the code is typed", notice)
    lines = notice.split("\n")
    checks.check(all(line.endswith("\r") for line in lines[:-1]), f"{CODE_FILE} has lines as Windows reads them", repr(notice))
    # tty1 is the screen at the HDMI socket; its text can be read without such a socket.
    checks.check(code in device.report.ask("cat /dev/vcs1"), "the same code stands on tty1, the screen of a Pi")
    return code


def trust(bench: Bench, device: Device) -> None:
    """Checks both ports as a browser does, before and after it has installed the certificate."""
    checks = bench.checks
    plain = device.plain()
    page = plain.get("/")
    digits = re.sub(r"\s", "", page.text())
    checks.check(page.status == 200 and device.fingerprint() in digits, "port 80 explains and shows the fingerprint", page)
    stranger = Client(device.machine.ports.https, ssl.create_default_context())
    try:
        checks.check(False, "a browser without the certificate is kept out", stranger.get("/api/health"))
    except ssl.SSLCertVerificationError as error:
        checks.check(True, f"a browser without the certificate is kept out ({error.verify_message})")
    for path in ("/login", "/api/health", "/reclamar"):
        answer = plain.get(path)
        held = (answer.status, answer.location()) == (307, f"https://127.0.0.1{path}")
        checks.check(held, f"port 80 sends {path} on to HTTPS", answer)
    answer = plain.post_form("/login", usuario=USER, clave=PASSWORD)
    checks.check(answer.status == 303 and plain.cookie is None, "nobody signs in on port 80", answer)
    answer = device.client().get("/api/trusted", host="pichat.local")
    checks.check(answer.headers.get("Strict-Transport-Security"), "who trusts the name comes over HTTPS from now on (HSTS)", answer.headers)
    answer = device.client().get("/api/trusted")
    checks.check(answer.status == 200 and not answer.headers.get("Strict-Transport-Security"), "an address is never bound to HTTPS", answer.headers)


def claim(bench: Bench, device: Device, code: str) -> Client:
    checks = bench.checks
    client = device.client()
    wrong = "0000-0000-00000" if code != "0000-0000-00000" else "1111-1111-11111"
    answer = client.claim(wrong, USER, PASSWORD)
    checks.check((answer.status, answer.code()) == (403, "wrong_code"), "a wrong code is refused (403 wrong_code)", answer)
    answer = client.claim(code, USER, "corta")
    checks.check((answer.status, answer.code()) == (422, "weak_password"), "a weak password is refused (422)", answer)
    answer = client.post_form("/activar", codigo=code, usuario=USER, clave=PASSWORD)
    checks.need((answer.status, answer.location()) == (303, "/inicio"), "the form claims the device (303 /inicio)", answer)
    session = client.get("/api/session")
    holds = session.status == 200 and session.json() | {"username": USER, "role": "administrator"} == session.json()
    checks.check(holds, "who claimed it is signed in as its administrator", session)
    return client


def after_the_claim(bench: Bench, device: Device, code: str) -> None:
    checks = bench.checks
    console = device.machine.console
    device.machine.wait_for("the code to leave the console", lambda: code not in console.screen())
    checks.check(console.claim_code() is None, "the console shows no code any more", console.screen())
    device.machine.wait_for(
        f"{CODE_FILE} to leave the card",
        lambda: device.report.run(f"test -e /boot/firmware/{CODE_FILE}")[0] != 0,
        pause=5,
    )
    checks.check(True, f"{CODE_FILE} is gone from the card while it runs")
    # tty1 has its own process, which draws at its own time.
    device.machine.wait_for("the code to leave tty1", lambda: code not in device.report.ask("cat /dev/vcs1"), pause=2)
    checks.check(True, "and the code is gone from tty1")
    answer = device.client().claim(code, "otra", PASSWORD)
    checks.check((answer.status, answer.code()) == (409, "not_claimable"), "a second claim is refused (409)", answer)
    answer = device.client().get("/reclamar")
    checks.check((answer.status, answer.location()) == (303, "/login"), "GET /reclamar leads to /login", answer)
    answer = device.client().get("/")
    checks.check((answer.status, answer.location()) == (303, "/login"), "GET / leads to /login", answer)


def talk(bench: Bench, device: Device, first: Client) -> None:
    checks = bench.checks
    second, answer = device.sign_in()
    checks.need(answer.status == 200, "signing in works", answer)
    checks.check(second.cookie != first.cookie, "that is a second session")
    room = {"room": "taller", "password": "clave de la sala"}
    with WebSocket(first) as one, WebSocket(second) as other:
        joined = one.ask("join", **room, kind="group")
        checks.need(joined["type"] == "joined" and joined["created"], "the first socket makes a room", joined)
        joined = other.ask("join", **room, kind="group")
        checks.need(joined["type"] == "joined" and not joined["created"], "the second one joins it", joined)
        text = "¿Se oye? Sí: ñandú, 你好, 🐝"
        sent = one.ask("send", room="taller", text=text)
        checks.check(sent["type"] == "sent", "the first one sends", sent)
        message = other.receive("message")
        checks.check((message["text"], message["user"]) == (text, USER), "the message arrives at the other", message)


def hand_a_file_over(bench: Bench, device: Device, client: Client) -> None:
    checks = bench.checks
    data = bench.chance.randbytes(FILE_BYTES)
    answer = client.upload("plano de la máquina.bin", data)
    checks.need(answer.status == 201, f"a file of {FILE_BYTES} bytes goes up (201)", answer)
    device.wait_for_verdicts(client)
    back = client.download(answer.json()["id"])
    checks.check(back.status == 200 and back.body == data, "and comes down the same, byte by byte", f"{back.status}, {len(back.body)} bytes")


def reload(bench: Bench, device: Device, client: Client) -> None:
    """Changes settings by `systemctl reload`, as on a plain Debian: the unit gives the server a new copy."""
    checks = bench.checks
    with WebSocket(client) as socket:
        socket.ask("join", room="taller", password="clave de la sala", kind="group")
        before = socket.ask("send", room="taller", text="x" * 13)
        checks.check(before["type"] == "sent", "13 characters can be said", before)
        # The image sets no limits of its own, so the table is new; /etc/pichat/pichat.toml leads to this file.
        command = r"printf '[limits]\nmessage_chars = 12\n' >> /etc/pichat/pichat.toml && systemctl reload pichat"
        status, said = device.report.run(command)
        checks.check(status == 0, "systemctl reload pichat succeeds", said)
        journal = "journalctl -t pichat -b --no-pager -o cat | grep -E 'event=(server.reloaded|config.rejected)' || true"
        line = device.machine.wait_for("the audit line of the reload", lambda: device.report.ask(journal), pause=2)
        checks.check('changed=limits.message_chars restart=""' in line, "the audit says what changed: event=server.reloaded", line)
        after = socket.ask("send", room="taller", text="x" * 13)
        checks.check(after.get("code") == "too_long", "13 are too long now, on a socket that stayed open", after)
        after = socket.ask("send", room="taller", text="x" * 12)
        checks.check(after["type"] == "sent", "12 are not", after)


def ask_for_the_name(bench: Bench, device: Device) -> None:
    checks = bench.checks
    heard = device.neighbour.ask([("pichat.local", mdns.AAAA), ("pichat.local", mdns.A), ("_http._tcp.local", mdns.PTR), ("_https._tcp.local", mdns.PTR)])
    for record in heard:
        checks.note(f"mDNS: {record.name} {record.value}")
    kinds = {(r.name, r.kind) for r in heard}
    checks.check(("pichat.local", mdns.AAAA) in kinds, "a neighbour finds pichat.local (AAAA)", heard)
    checks.check(("pichat.local", mdns.A) in kinds, "a neighbour finds pichat.local (A)", heard)
    for service in ("_http._tcp.local", "_https._tcp.local"):
        checks.check((service, mdns.PTR) in kinds, f"a neighbour finds a web server ({service})", heard)
