"""Three power cuts during uploads: every confirmed file exists, and no partial one.

Each cut uses another kind of disk (`Bench.power_on_until_cut`).
"""

import hashlib
import http.client
import random
import threading

from ..fixtures import PASSWORD, SETTINGS, USER, Bench, Device
from ..card import Card
from ..http_client import Client
from ..settings import with_setting
from . import state_inside

CUTS = ("loyal", "forgetful", "wayward")
# Confirmed uploads before a cut, and the longest wait after them, so that a cut may hit any moment of an upload.
CONFIRMED, LONGEST_WAIT_SECONDS = 4, 3.0
SMALLEST, LARGEST = 1_000, 1_500_000
# Raised limits, so that uploads follow each other.
LIMITS = ("uploads_per_minute", "downloads_per_minute")


class Uploads(threading.Thread):
    """Uploads in a loop until the connection fails."""

    def __init__(self, client: Client, chance: random.Random, name: str) -> None:
        super().__init__(daemon=True)
        self.client, self.chance, self.label = client, chance, name
        self.confirmed: dict[str, tuple[str, str]] = {}
        self.sent: set[str] = set()
        self.refused: str | None = None
        self.enough = threading.Event()

    def run(self) -> None:
        for number in range(10_000):
            data = self.chance.randbytes(self.chance.randint(SMALLEST, LARGEST))
            name, digest = f"{self.label}-{number}.bin", hashlib.sha256(data).hexdigest()
            self.sent.add(digest)
            try:
                answer = self.client.upload(name, data)
            except (OSError, http.client.HTTPException):
                return  # the cut
            if answer.status != 201:
                self.refused = str(answer)
                self.enough.set()
                return
            self.confirmed[answer.json()["id"]] = (name, digest)
            if len(self.confirmed) >= CONFIRMED:
                self.enough.set()


def run(bench: Bench) -> None:
    checks = bench.checks
    card = bench.flash()
    edit_limits(card)
    confirmed: dict[str, tuple[str, str]] = {}
    sent: set[str] = set()
    for number, disk in enumerate(CUTS, start=1):
        with bench.power_on_until_cut(card, disk) as device:
            if number == 1:
                client = device.claim()
            else:
                client = verify(bench, device, confirmed, sent)
            uploads = upload_until_cut(bench, device, client, f"corte-{number}")
        # The thread ends at the cut.
        uploads.join(timeout=300)
        confirmed |= uploads.confirmed
        sent |= uploads.sent
        checks.note(f"cut {number}: {len(uploads.confirmed)} uploads confirmed, {len(uploads.sent)} begun")
    with bench.power_on(card) as device:
        verify(bench, device, confirmed, sent)
        state_inside.running(bench, device)
        state_inside.durable_data(bench, device)
        device.report.power_off()


def edit_limits(card: Card) -> None:
    text = (card.read(SETTINGS) or b"").decode()
    for limit in LIMITS:
        text = with_setting(text, "limits", limit, 6000)
    card.write(SETTINGS, text.encode())


def upload_until_cut(bench: Bench, device: Device, client: Client, name: str) -> Uploads:
    """Returns while uploads run; the power is cut next."""
    uploads = Uploads(client, random.Random(bench.chance.randrange(1 << 32)), name)
    uploads.start()
    device.machine.wait_for("confirmed uploads", lambda: uploads.enough.wait(timeout=1))
    bench.checks.need(uploads.refused is None, "uploads are taken one after the other", uploads.refused)
    # A random wait, which is the moment of the cut.
    uploads.join(timeout=bench.chance.uniform(0, LONGEST_WAIT_SECONDS))
    bench.checks.check(uploads.is_alive(), "uploads are under way at the cut")
    return uploads


def verify(bench: Bench, device: Device, confirmed: dict[str, tuple[str, str]], sent: set[str]) -> Client:
    """Signs in again and checks every file; returns the client."""
    checks = bench.checks
    device.wait_for_answer()
    client, answer = device.sign_in(USER, PASSWORD)
    checks.need(answer.status == 200, "signing in works after the cut", answer)
    answer = device.wait_for_verdicts(client)
    checks.need(answer.status == 200, "the list of files is there", answer)
    listed = {file["id"]: file for file in answer.json()}
    missing = [name for file_id, (name, _) in confirmed.items() if file_id not in listed]
    checks.check(not missing, f"all {len(confirmed)} confirmed files are listed", missing)
    wrong = []
    for file_id, file in listed.items():
        body = client.download(file_id).body
        digest = hashlib.sha256(body).hexdigest()
        expected = confirmed.get(file_id, ("", digest))[1]
        # A listed file without a confirmation must be complete too.
        if digest != expected or digest != file["sha256"] or len(body) != file["size"] or digest not in sent:
            wrong.append(f"{file} came down as {len(body)} bytes, {digest}")
    checks.check(not wrong, f"all {len(listed)} listed files come down whole, with the bytes that were sent", "\n".join(wrong))
    return client
