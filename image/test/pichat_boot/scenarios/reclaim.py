"""A lost administrator password: an empty file on the card opens a new claim; accounts and files stay."""

from ..fixtures import PASSWORD, USER, Bench, Device
from . import state_inside

REQUEST = "pichat-reclamar"
OTHER, OTHER_PASSWORD = "recepcion", "una clave para la puerta"
NEW_PASSWORD = "otra tarjeta en la oficina"


def run(bench: Bench) -> None:
    checks = bench.checks
    card = bench.flash()
    data = bench.chance.randbytes(300_000)
    with bench.power_on(card) as device:
        client = device.claim()
        answer = client.upload("antes.bin", data)
        checks.need(answer.status == 201, "a file is there before", answer)
        file_id = answer.json()["id"]
        add_user(bench, device)
        device.report.power_off()
    card.write(REQUEST, b"")
    with bench.power_on(card) as device:
        device.wait_for_answer()
        code = device.wait_for_claim_code()
        checks.check(True, "the console shows a code again")
        answer = device.sign_in(OTHER, OTHER_PASSWORD)[1]
        checks.check(answer.status == 200, "people sign in while the claim is open", answer)
        gone = device.report.run(f"test -e /boot/firmware/{REQUEST}")[0] != 0
        checks.check(gone, f"{REQUEST} is gone from the card")
        claimer = device.client()
        answer = claimer.claim(code, USER, NEW_PASSWORD)
        checks.need(answer.status == 201, "the claim sets the administrator's new password", answer)
        answer = device.sign_in(USER, PASSWORD)[1]
        checks.check(answer.status == 401, "the old password is refused", answer)
        client, answer = device.sign_in(USER, NEW_PASSWORD)
        holds = answer.status == 200 and answer.json()["role"] == "administrator"
        checks.check(holds, "the new one signs in", answer)
        answer = device.sign_in(OTHER, OTHER_PASSWORD)[1]
        checks.check(answer.status == 200, "the others still sign in", answer)
        device.wait_for_verdicts(client)
        back = client.download(file_id)
        checks.check(back.body == data, "the file is there, byte by byte", f"{back.status}, {len(back.body)} bytes")
        answer = device.client().claim(code, "otra", PASSWORD)
        checks.check((answer.status, answer.code()) == (409, "not_claimable"), "it can be claimed once only", answer)
        state_inside.audit(bench, device, "claim.done")
        state_inside.running(bench, device)
        device.report.power_off()
    with bench.power_on(card) as device:
        first = device.wait_for_answer()
        checks.check(first.location() == "/login", "the next start asks for no claim", first)
        checks.check(device.machine.console.claim_code() is None, "and shows no code", device.machine.console.screen())
        device.report.power_off()


def add_user(bench: Bench, device: Device) -> None:
    """Adds another account with the server's command, as the server's user."""
    as_server = "setpriv --reuid pichat --regid pichat --clear-groups"
    command = f"cd /var/lib/pichat && echo '{OTHER_PASSWORD}' | {as_server} pichat user add {OTHER} --role cliente --data-dir /var/lib/pichat"
    status, said = device.report.run(command)
    bench.checks.need(status == 0, "there is another account", said)
