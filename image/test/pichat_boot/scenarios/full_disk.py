"""The data partition has no free block: users can sign in, uploads are refused, and it recovers when space is free."""

from ..fixtures import PASSWORD, USER, Bench
from . import state_inside

# Root takes all space: one file first, then the rest block by block. ext4 reserves some blocks, which still count as free.
FILL = """
cd /data || exit 1
fallocate -l $(($(stat -f -c '%a * %S' .) - 1048576)) lleno
dd if=/dev/zero of=lleno2 bs=4096 2>/dev/null
sync; stat -f -c %a .; dd if=/dev/zero of=lleno3 bs=4096 count=1
"""


def run(bench: Bench) -> None:
    checks = bench.checks
    card = bench.flash()
    with bench.power_on(card) as device:
        client = device.claim()
        answer = client.upload("antes.bin", b"antes")
        checks.need(answer.status == 201, "a file is there before", answer)
        file_id = answer.json()["id"]
        device.wait_for_verdicts(client)
        said = device.report.ask(FILL)
        full = said.startswith("0\n") and "No space left" in said
        checks.need(full, "the data partition is full, for root too", said)
        first = device.wait_for_answer()
        checks.check(first.location() == "/login", "the page answers", first)
        other, answer = device.sign_in(USER, PASSWORD)
        checks.check(answer.status == 200, "signing in works", answer)
        answer = other.upload("despues.bin", bench.chance.randbytes(200_000))
        checks.check((answer.status, answer.code()) == (507, "storage_full"), "an upload is refused (507)", answer)
        answer = other.download(file_id)
        checks.check(answer.body == b"antes", "a file still comes down", answer)
        device.report.power_off()
    with bench.power_on(card) as device:
        device.wait_for_answer()
        client, answer = device.sign_in(USER, PASSWORD)
        checks.check(answer.status == 200, "after a start with a full disk signing in works", answer)
        state = device.system_state()
        checks.note(f"systemctl is-system-running: {state}")
        checks.need(device.report.run("rm /data/lleno*; sync")[0] == 0, "room is made")
        answer = client.upload("despues.bin", b"despues")
        if answer.status == 401:
            client, _ = device.sign_in(USER, PASSWORD)
            answer = client.upload("despues.bin", b"despues")
        checks.check(answer.status == 201, "an upload is taken again", answer)
        state_inside.durable_data(bench, device)
        device.report.power_off()
