"""The unpacked root file system: no way to sign in, no trace of the build machine, no missing file of a unit."""

import os
import pathlib
import re
import shutil
import stat
import subprocess

from . import cpio, elf
from .card import Layout
from .report import Report

LARGEST_SERVER = 8_000_000
NO_PROMPT = ("getty@", "autovt@", "console-getty", "container-getty@", "debug-shell", "rescue", "emergency")
# Targets of links that exist at run time only.
MADE_AT_START = ("/run/", "/proc/", "/dev/", "/sys/", "../proc/", "../run/", "/tmp")


def extract(image: pathlib.Path, layout: Layout, work: pathlib.Path) -> pathlib.Path:
    erofs, tree = work / "root.erofs", work / "root"
    with open(image, "rb") as source, open(erofs, "wb") as target:
        source.seek(layout.slot_offset)
        shutil.copyfileobj(source, target, 1 << 20)
    command = ["fsck.erofs", f"--extract={tree}", "--no-preserve-owner", "--preserve-perms", str(erofs)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=600)
    erofs.unlink()
    return tree


def check(report: Report, root: pathlib.Path) -> None:
    paths = [pathlib.Path(folder) / name for folder, folders, files in os.walk(root) for name in folders + files]
    modes = {path: path.lstat().st_mode for path in paths}
    files = [path for path, mode in modes.items() if stat.S_ISREG(mode)]

    def names(found: list[pathlib.Path]) -> list[str]:
        return sorted("/" + str(path.relative_to(root)) for path in found)

    _server(report, root)
    report.check((root / "usr/lib/pichat/appliance").is_file(), "the mark of a card is there, without which pichat appliance does nothing")
    _accounts(report, root)
    report.none(names([path for path, mode in modes.items() if mode & 0o6000 and not stat.S_ISLNK(mode)]), "no set-id file")
    writable = [p for p, mode in modes.items() if mode & 0o002 and not stat.S_ISLNK(mode) and p != root / "tmp"]
    report.none(names(writable), "no file that everybody may write")
    report.none(names([p for p, m in modes.items() if stat.S_ISBLK(m) or stat.S_ISCHR(m)]), "no device node")
    _prompts(report, root)
    _units(report, root)
    _links(report, root)
    _origin(report, files, names)


def _server(report: Report, root: pathlib.Path) -> None:
    server = (root / "usr/local/bin/pichat").read_bytes()
    report.check(elf.is_static_aarch64(server), "the server is a static aarch64 program")
    report.check(len(server) <= LARGEST_SERVER, f"the server's {len(server)} bytes are not more than {LARGEST_SERVER}")


def _accounts(report: Report, root: pathlib.Path) -> None:
    shadow = [line.split(":") for line in (root / "etc/shadow").read_text().splitlines()]
    report.none([f[0] for f in shadow if f[1] not in ("*", "!", "!*")], "no password, nor its hash, in /etc/shadow")
    people = [line.split(":") for line in (root / "etc/passwd").read_text().splitlines()]
    report.none([f[0] for f in people if f[1] != "x"], "no password in /etc/passwd")
    report.check({f[0] for f in people} == {f[0] for f in shadow}, "every account of /etc/passwd is locked in /etc/shadow")
    report.none([f[0] for f in people if f[2] == "0" and f[0] != "root"], "nobody but root is root")
    report.check(any(f[0] == "pichat" and f[2] == f[3] == "900" for f in people), "the server's account is 900")


def _prompts(report: Report, root: pathlib.Path) -> None:
    masked = root / "etc/systemd/system"
    open_units = [u for u in NO_PROMPT if not _points(masked / f"{u}.service", "/dev/null")]
    report.none(open_units, "no unit that asks for a name at a console is left open")
    alias = masked / "serial-getty@.service"
    report.check(_points(alias, "/usr/lib/systemd/system/pichat-status@.service"), "a serial console shows the state")
    screen = masked / "multi-user.target.wants/pichat-status@tty1.service"
    report.check(screen.is_symlink(), "the first screen shows the state")
    programs = [f"{folder}/{name}" for folder in ("usr/bin", "usr/sbin") for name in ("login", "agetty", "sulogin", "su", "sudo")]
    report.none([name for name in programs if (root / name).exists()], "no program that asks for a password at a console")


def _units(report: Report, root: pathlib.Path) -> None:
    system = ("etc/systemd/system", "usr/lib/systemd/system")
    lost = []
    wanted = [path for place in system for path in (root / place).glob("*.wants/*")]
    for path in wanted:
        if path.is_symlink():
            template = re.sub(r"@.*\.", "@.", path.name)
            if not any(os.path.lexists(root / place / unit) for place in system for unit in (path.name, template)):
                lost.append(path.name)
    report.none(sorted(lost), "no wanted unit is missing")
    missing = []
    for unit in [path for place in system for path in (root / place).glob("pichat*") if path.is_file()]:
        for program in re.findall(r"^Exec\w+=[-+!@:]*(/\S+)", unit.read_text(), re.M):
            if not (root / program.lstrip("/")).exists():
                missing.append(f"{unit.name}: {program}")
    report.none(missing, "no program of the appliance's units is missing")


def _links(report: Report, root: pathlib.Path) -> None:
    report.check(_points(root / "etc/pichat/pichat.toml", "/run/pichat-settings/pichat.toml"), "/etc/pichat/pichat.toml is the settings in force")
    report.check(_points(root / "etc/localtime", "/run/pichat-settings/localtime"), "/etc/localtime is the settings' time zone")
    lost = []
    for path in (root / "etc").rglob("*"):
        if path.is_symlink():
            target = os.readlink(path)
            place = root / target.lstrip("/") if target.startswith("/") else path.parent / target
            if not target.startswith(MADE_AT_START) and not os.path.lexists(place):
                lost.append(f"{path.name} -> {target}")
    report.none(lost, "no link of /etc leads nowhere")
    zones = root / "usr/share/zoneinfo"
    report.check((zones / "America/Bogota").is_file(), "the time zones are there")
    report.none([name for name in ("posix", "right") if (zones / name).exists()], "the time zones are there once")


def _origin(report: Report, files: list[pathlib.Path], names) -> None:
    """Checks that nothing names the build machine; documents of packages may name Debian's servers."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--no-release-info", "--format", "$(REPO_URI)"], stdout=subprocess.PIPE, text=True, check=False, timeout=60
    ).stdout
    hosts = {host.encode() for host in re.findall(r"//([^/:]+)", listed)}
    here = str(pathlib.Path(__file__).resolve().parent.parent.parent).encode()
    named, local, keys = [], [], []
    for path in files:
        data = path.read_bytes()
        text = b"\0" not in data[:4096]
        if text and "/usr/share/doc/" not in str(path) and any(host in data for host in hosts):
            named.append(path)
        if len(here) > 4 and here + b"/" in data:
            local.append(path)
        if text and re.search(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----", data):
            keys.append(path)
    report.none(names(named), "no text file names a package mirror")
    report.none(names(local), "no file names the folder it was built in")
    report.none(names(keys), "no private key")


def check_pair(report: Report, root: pathlib.Path, boot: pathlib.Path, work: pathlib.Path) -> None:
    """Checks that both partitions match."""
    shipped = (root / "usr/share/pichat/pichat.toml").read_bytes().replace(b"\n", b"\r\n")
    report.check(shipped == (boot / "pichat.toml").read_bytes(), "the fall-back settings are those of the boot partition")
    in_root = {path.name for path in (root / "usr/lib/modules").iterdir()}
    in_initramfs = {
        name.split("/")[3] for name, _ in cpio.entries((work / "initramfs.cpio").read_bytes()) if name.startswith("usr/lib/modules/")
    }
    report.check(len(in_root) == 1 and in_root == in_initramfs, f"one kernel: {', '.join(sorted(in_root))}")


def _points(path: pathlib.Path, target: str) -> bool:
    return path.is_symlink() and os.readlink(path) == target
