#!/usr/bin/env python3
"""sbom.py WORK VERSION: prints the SBOM of the card, as CycloneDX 1.6 on standard output.

The Debian packages in the image with the SHA-256 of each .deb, and the Rust crates linked into the server (without build
scripts, macros and test crates) with the SHA-256 of each from Cargo.lock. Not listed: Rust's standard library and musl, which
the server's static binary also contains. Nothing in it is random; its date is SOURCE_DATE_EPOCH.
"""

import datetime
import json
import os
import pathlib
import re
import subprocess
import sys
import tomllib
import urllib.parse

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
TARGET = "aarch64-unknown-linux-musl"
# Debian's own cargo, as image/build-binary uses it.
CARGO = {"program": "/usr/bin/cargo", "rustc": "/usr/bin/rustc"}


def sha256(value: str) -> list[dict]:
    return [{"alg": "SHA-256", "content": value}]


def debian_packages(work: pathlib.Path) -> list[dict]:
    """WORK/resolved: one line a package, its file name (name_version_architecture.deb) and its sum."""
    found = []
    for line in (work / "resolved").read_text().splitlines():
        file, digest = line.split()
        name, version, architecture = urllib.parse.unquote(file).removesuffix(".deb").split("_")
        purl = f"pkg:deb/debian/{name}@{urllib.parse.quote(version, safe='~.-')}?arch={architecture}&distro=debian-13"
        found.append(
            {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl, "hashes": sha256(digest)}
        )
    return found


def crates() -> list[dict]:
    with open(REPOSITORY / "Cargo.lock", "rb") as file:
        locked = {(p["name"], p["version"]): p for p in tomllib.load(file)["package"]}
    command = [CARGO["program"], "tree", "--locked", "--target", TARGET, "--edges", "normal,no-proc-macro"]
    lines = subprocess.run(
        [*command, "--prefix", "none", "--format", "{p}|{l}"],
        cwd=REPOSITORY,
        env={**os.environ, "RUSTC": CARGO["rustc"]},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=600,
    ).stdout.splitlines()
    linked = {}
    for line in lines:
        # "name v1.2.3 (path)|licence (*)"; the star marks a crate listed above.
        crate, licence = line.split("|", 1)
        name, version = crate.split()[:2]
        licence = re.sub(r" \(\*\)$", "", licence).replace("/", " OR ")
        linked[name, version.removeprefix("v")] = " ".join(licence.split())
    found = []
    for (name, version), licence in sorted(linked.items()):
        checksum = locked[name, version].get("checksum")
        if not checksum:
            continue  # this crate itself: the document's subject
        purl = f"pkg:cargo/{name}@{version}"
        part = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
        if licence:
            part["licenses"] = [{"expression": licence}]
        found.append({**part, "hashes": sha256(checksum)})
    return found


def main() -> None:
    work, version = pathlib.Path(sys.argv[1]), sys.argv[2]
    date = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.UTC)
    components = sorted(debian_packages(work) + crates(), key=lambda part: part["bom-ref"])
    subject = {
        "type": "operating-system",
        "bom-ref": f"pichat-image@{version}",
        "name": "pichat-image",
        "version": version,
        "licenses": [{"license": {"id": "GPL-3.0-or-later"}}],
    }
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"timestamp": date.strftime("%Y-%m-%dT%H:%M:%SZ"), "component": subject},
        "components": components,
        "dependencies": [{"ref": subject["bom-ref"], "dependsOn": [part["bom-ref"] for part in components]}],
    }
    json.dump(document, sys.stdout, indent=1, ensure_ascii=False)
    print()


if __name__ == "__main__":
    main()
