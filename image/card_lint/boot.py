"""Boot partition: files named in config.txt, device trees, kernel, initramfs, and the owner's settings."""

import gzip
import os
import pathlib
import re
import subprocess
import tomllib

from . import cpio, elf
from .card import Layout
from .report import Report

# Board: the device tree the firmware asks for with upstream_kernel=1, and the model in that tree.
BOARDS = {
    "Pi 3B": ("bcm2837-rpi-3-b", b"raspberrypi,3-model-b\0"),
    "Pi 3B+": ("bcm2837-rpi-3-b-plus", b"raspberrypi,3-model-b-plus\0"),
    "Pi 4B": ("bcm2711-rpi-4-b", b"raspberrypi,4-model-b\0"),
    "Pi 400": ("bcm2711-rpi-400", b"raspberrypi,400\0"),
    "Compute Module 4": ("bcm2711-rpi-cm4-io", b"raspberrypi,4-compute-module\0"),
    "Pi 5": ("bcm2712-rpi-5-b", b"raspberrypi,5-model-b\0"),
    "Pi 5, later chip": ("bcm2712-d-rpi-5-b", b"raspberrypi,5-model-b\0"),
    "Pi 5, later chip, by its other name": ("bcm2712d0-rpi-5-b", b"raspberrypi,5-model-b\0"),
}
SECTIONS = {"all", "none", "pi3", "pi3+", "pi4", "pi400", "cm4", "pi5"}
# Settings of config.txt whose value is a file; True if os_prefix precedes it.
FILES = {"kernel": True, "initramfs": True, "device_tree": True, "cmdline": True, "ramfsfile": True,
         "start_file": False, "fixup_file": False, "armstub": False, "include": False}  # fmt: skip
FIRMWARE = {"Pi 3": ("bootcode.bin", "start.elf", "fixup.dat"), "Pi 4": ("start4.elf", "fixup4.dat")}
SECRET = re.compile(rb"PRIVATE KEY-----|\$argon2id\$v=|\$[156y]\$|ssh-(rsa|ed25519) AAAA|^\s*(psk|password)\s*=\s*\S*[^\s\"]", re.M)
# A second slot must fit too.
LARGEST = 110 << 20


def extract(image: pathlib.Path, layout: Layout, work: pathlib.Path) -> pathlib.Path:
    folder = work / "boot"
    folder.mkdir()
    environment = {**os.environ, "MTOOLS_SKIP_CHECK": "1"}
    command = ["mcopy", "-s", "-n", "-i", f"{image}@@{layout.boot_offset}", "::", str(folder)]
    subprocess.run(command, env=environment, check=True, timeout=120)
    return folder


def settings(text: str) -> list[tuple[str, str, str]]:
    """config.txt as (section, key, value); initramfs is the one key without an equals sign."""
    found, section = [], "all"
    for line in text.splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            section = line.strip("[]")
        elif "=" in line:
            key, value = line.split("=", 1)
            found.append((section, key.strip(), value.strip()))
        else:
            key, _, value = line.partition(" ")
            found.append((section, key, value.split()[0] if value else ""))
    return found


def check(report: Report, boot: pathlib.Path, layout: Layout, work: pathlib.Path) -> None:
    config = settings((boot / "config.txt").read_text())
    first = {key: value for section, key, value in config if section == "all"}
    prefix = first.get("os_prefix", "")
    report.none(sorted({section for section, _, _ in config} - SECTIONS), "config.txt has no section that no board reads")
    report.check(first.get("arm_64bit") == "1" and first.get("upstream_kernel") == "1", "config.txt: 64 bits, upstream kernel")
    for section, key, value in config:
        if key in FILES:
            name = (prefix if FILES[key] else "") + value
            report.check((boot / name).is_file(), f"config.txt [{section}] {key}: {name} exists")
        elif key == "dtoverlay" and value:
            name = f"{prefix}overlays/{value.split(',')[0]}.dtbo"
            report.check((boot / name).is_file(), f"config.txt [{section}] dtoverlay: {name} exists")
    for board, files in FIRMWARE.items():
        report.none([name for name in files if not (boot / name).is_file()], f"no firmware of the {board} is missing")

    for board, (name, compatible) in BOARDS.items():
        path = boot / prefix / f"{name}.dtb"
        tree = path.read_bytes() if path.is_file() else b""
        good = tree[:4] == b"\xd0\x0d\xfe\xed" and compatible in tree
        report.check(good, f"{board}: {prefix}{name}.dtb")

    kernel = (boot / prefix / first["kernel"]).read_bytes()
    if kernel[:2] == b"\x1f\x8b":
        kernel = gzip.decompress(kernel)
    report.check(kernel[56:60] == b"ARM\x64", "the kernel is an arm64 Image")
    _initramfs(report, boot / prefix / first["initramfs"], work)
    _command_line(report, (boot / prefix / first.get("cmdline", "cmdline.txt")).read_text(), layout)
    _people(report, boot)
    used = sum(path.stat().st_size for path in boot.rglob("*") if path.is_file())
    report.check(used <= LARGEST, f"{used >> 20} MiB are used, so that a second slot fits")


def _initramfs(report: Report, path: pathlib.Path, work: pathlib.Path) -> None:
    packed = path.read_bytes()
    if not report.check(packed[:4] == b"\x28\xb5\x2f\xfd", "the initramfs is zstd"):
        return
    archive = subprocess.run(["zstd", "-q", "-dc", str(path)], stdout=subprocess.PIPE, check=True, timeout=120).stdout
    (work / "initramfs.cpio").write_bytes(archive)
    files = dict(cpio.entries(archive))
    report.check("init" in files and files["init"].mode & 0o111, "the initramfs has an executable /init")
    report.check("data.sh" in files, "the initramfs knows how to make the data partition")
    busybox = files.get("bin/busybox")
    report.check(busybox and elf.is_static_aarch64(busybox.data), "the initramfs's busybox is a static aarch64 program")
    for module in ("ext4", "erofs", "vfat", "virtio_blk", "sdhci-iproc", "sdhci-brcmstb", "bcm2835"):
        report.check(any(name.endswith(f"/{module}.ko") for name in files), f"the initramfs has the module {module}")


def _command_line(report: Report, text: str, layout: Layout) -> None:
    words = text.split()
    report.check(text.endswith("\n") and text.count("\n") == 1, "cmdline.txt is one line")
    report.check(f"root=PARTUUID={layout.disk_id}-02" in words and "ro" in words, "cmdline.txt: root is slot A, read-only")
    report.none([word for word in words if re.match(r"(init|rdinit|systemd\.unit|systemd\.debug)", word)], "cmdline.txt asks for no shell")


def _people(report: Report, boot: pathlib.Path) -> None:
    for name in ("README.txt", "pichat.toml"):
        lines = (boot / name).read_bytes().split(b"\n")
        report.check(all(line.endswith(b"\r") for line in lines[:-1]) and lines[-1] == b"", f"{name}: lines end as Windows's do")
    document = tomllib.loads((boot / "pichat.toml").read_text())
    report.check(document["http"]["listen"] == "[::]:80", "pichat.toml: port 80, IPv4 and IPv6")
    tls = document["tls"]
    report.check((tls["mode"], tls["listen"]) == ("local-ca", "[::]:443"), "pichat.toml: HTTPS on port 443 with an authority of its own")
    report.none([table for table in ("device", "wifi", "network", "claim") if document.get(table)], "pichat.toml answers for nobody")
    private = ("authorized_keys", "PICHAT-CODIGO.txt", "pichat-reclamar", "pichat-reclamar.txt")
    report.none([name for name in private if (boot / name).exists()], "no file that only a person or the device puts there")
    text = [path for path in boot.rglob("*") if path.suffix in (".txt", ".toml")]
    report.none([path.name for path in text if SECRET.search(_active(path))], "no file holds a secret")


def _active(path: pathlib.Path) -> bytes:
    return b"\n".join(line for line in path.read_bytes().splitlines() if not line.lstrip().startswith(b"#"))
