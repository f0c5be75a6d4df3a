"""Files beside a compressed image: checksums, SBOM, package lock."""

import hashlib
import json
import pathlib

from .report import Report

LARGEST = 80_000_000


def check(report: Report, image: pathlib.Path) -> None:
    size = image.stat().st_size
    report.check(size <= LARGEST, f"compressed, {size} bytes are not more than {LARGEST}")
    sums = image.parent / "SHA256SUMS"
    if not report.check(sums.is_file(), "SHA256SUMS lies beside the image"):
        return
    listed = dict(reversed(line.split("  ", 1)) for line in sums.read_text().splitlines())
    wrong = [name for name, digest in listed.items() if _sha256(image.parent / name) != digest]
    report.check(image.name in listed, "SHA256SUMS names the image")
    report.none(wrong, "no file differs from SHA256SUMS")

    document, lock = image.parent / image.name.replace(".img.zst", ".cdx.json"), image.parent / "packages.lock"
    if report.check(document.is_file() and lock.is_file(), "the SBOM and packages.lock lie beside the image"):
        _sbom(report, json.loads(document.read_text()), lock.read_text().splitlines())


def _sbom(report: Report, document: dict, lock: list[str]) -> None:
    report.check(document.get("bomFormat") == "CycloneDX" and document.get("specVersion") == "1.6", "the SBOM is CycloneDX 1.6")
    report.check("serialNumber" not in document, "the SBOM has no random number")
    parts = {(part["name"], part["version"], part["hashes"][0]["content"]) for part in document["components"]}
    report.none([line for line in lock if tuple(line.split()) not in parts], "no package of packages.lock is missing from the SBOM")
    crates = [part for part in document["components"] if part["purl"].startswith("pkg:cargo/")]
    report.check(len(crates) > 50, f"the SBOM lists the server's {len(crates)} crates")


def _sha256(path: pathlib.Path) -> str:
    if not path.is_file():
        return ""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
