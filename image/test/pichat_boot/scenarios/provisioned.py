"""A prepared card: an administrator's password hash and the Wi-Fi password are used and erased."""

from ..fixtures import SETTINGS, Bench
from ..card import SECTOR, Card
from ..settings import with_setting
from . import state_inside

# The demonstration's hash of `admin123` with the default parameters (src/cli/demo.rs). The server refuses it for the user name `admin`.
NAME, PASSWORD = "jefa", "admin123"
HASH = "$argon2id$v=19$m=19456,t=2,p=1$I1UjvnIXZVfBlth5VkMe+Q$OhT2fqxmoV2YHPPurZyvSnBVw7wWTv6QdCFAVAH7Al0"
NETWORK, WIFI_PASSWORD, COUNTRY = "Taller 5", "clave del taller", "CO"


def run(bench: Bench) -> None:
    checks = bench.checks
    card = bench.flash()
    text = (card.read(SETTINGS) or b"").decode()
    for table, key, value in (
        ("claim", "admin_name", NAME),
        ("claim", "admin_password_hash", HASH),
        ("wifi", "ssid", NETWORK),
        ("wifi", "password", WIFI_PASSWORD),
        ("wifi", "country", COUNTRY),
    ):
        text = with_setting(text, table, key, value)
    card.write(SETTINGS, text.encode())
    for start in ("first", "second"):
        checks.note(f"{start} start")
        with bench.power_on(card) as device:
            first = device.wait_for_answer()
            checks.check((first.status, first.location()) == (303, "/login"), "GET / leads to /login: no claim", first)
            _, answer = device.sign_in(NAME, PASSWORD)
            holds = answer.status == 200 and answer.json()["role"] == "administrator"
            checks.check(holds, f"{NAME} signs in with the password of the hash", answer)
            answer = device.client().claim("0000-0000-00000", "otra", "una clave bien larga")
            checks.check((answer.status, answer.code()) == (409, "not_claimable"), "it cannot be claimed", answer)
            screen = device.machine.console.screen()
            checks.check(device.machine.console.claim_code() is None, "no code on the console", screen)
            on_card = device.report.ask(f"cat /boot/firmware/{SETTINGS}")
            checks.check(HASH not in on_card, "the hash is gone from the card")
            checks.check(WIFI_PASSWORD not in on_card, "the Wi-Fi password is gone from the card")
            checks.check(NETWORK in on_card, "the name of the network is still there", on_card)
            kept = device.report.ask("stat -c '%a %U' /data/pichat/secrets.toml; cat /data/pichat/secrets.toml")
            checks.check(kept.startswith("600 root"), "the stored secrets are for root only", kept.splitlines()[:1])
            checks.check(WIFI_PASSWORD in kept, "the Wi-Fi password is kept on the data partition")
            supplicant = device.report.ask("cat /run/pichat-settings/wpa_supplicant.conf")
            checks.check(COUNTRY in supplicant and NETWORK in supplicant or NETWORK.encode().hex() in supplicant,
                         "the Wi-Fi is handed on with network and country")  # fmt: skip
            everything = device.report.ask("journalctl -b --no-pager")
            said = HASH in everything or WIFI_PASSWORD in everything
            checks.check(not said, "neither stands in the journal")
            state_inside.running(bench, device)
            device.report.power_off()
    raw = card.read(SETTINGS) or b""
    checks.check(HASH.encode() not in raw and WIFI_PASSWORD.encode() not in raw, "after power-off neither is on the card")
    left = in_boot_partition(card, HASH.encode()) or in_boot_partition(card, WIFI_PASSWORD.encode())
    checks.check(not left, "nor in sectors that no file uses any more")


def in_boot_partition(card: Card, text: bytes) -> bool:
    """Returns True if the text occurs anywhere in the partition."""
    partition = card.partitions()[0]
    with card.path.open("rb") as file:
        file.seek(partition.first * SECTOR)
        return text in file.read(partition.sectors * SECTOR)
