"""A newer image on a card in use: accounts and files stay."""

from ..fixtures import PASSWORD, USER, Bench
from .. import report
from . import state_inside


def run(bench: Bench) -> None:
    checks = bench.checks
    card = bench.flash()
    data = bench.chance.randbytes(500_000)
    with bench.power_on(card) as device:
        client = device.claim()
        answer = client.upload("antes.bin", data)
        checks.need(answer.status == 201, "a file is there before", answer)
        file_id = answer.json()["id"]
        identity = device.report.ask("cat /etc/machine-id")
        fingerprint = device.fingerprint()
        device.report.power_off()
    before = card.partitions()[3]
    checks.need(before.sectors > 0, "the card has a data partition")
    card.flash_again(bench.image)
    checks.check(card.partitions()[3].sectors == 0, "flashing has taken it out of the partition table", card.partitions())
    report.put_script(card)
    with bench.power_on(card) as device:
        first = device.wait_for_answer()
        checks.check((first.status, first.location()) == (303, "/login"), "GET / leads to /login", first)
        checks.check(card.partitions()[3] == before, "the data partition is where it was", card.partitions())
        client, answer = device.sign_in(USER, PASSWORD)
        checks.need(answer.status == 200, "the same user signs in with the same password", answer)
        device.wait_for_verdicts(client)
        back = client.download(file_id)
        checks.check(back.body == data, "the file is there, byte by byte", f"{back.status}, {len(back.body)} bytes")
        answer = device.client().claim("0000-0000-00000", "otra", PASSWORD)
        checks.check((answer.status, answer.code()) == (409, "not_claimable"), "it cannot be claimed", answer)
        checks.check(device.machine.console.claim_code() is None, "no code on the console", device.machine.console.screen())
        checks.check(device.fingerprint() == fingerprint, "browsers that trusted it before still do: the authority is the same")
        checks.check(device.report.ask("cat /etc/machine-id") == identity, "it is still the same machine to its journal")
        state_inside.running(bench, device)
        device.report.power_off()
