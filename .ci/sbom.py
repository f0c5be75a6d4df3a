#!/usr/bin/env python3
""".ci/sbom.py [TARGET] -> bill of materials of the binary for TARGET, as CycloneDX 1.6 on standard output. TARGET: aarch64-unknown-linux-musl.

Lists each crate with its licence, its SHA-256 from Cargo.lock and its dependencies, and SQLite, whose C code is inside a crate. Linked crates are
`required`; macros and build scripts are `excluded`. Rust's standard library and musl are not listed. Nothing in it is random or depends on this
machine, and its date is the commit's (or SOURCE_DATE_EPOCH), so that the same commit gives the same bytes.
"""

import datetime
import json
import os
import pathlib
import re
import subprocess
import sys
import tomllib

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent


def run(*command: str) -> str:
    return subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True, timeout=600).stdout


def purl(name: str, version: str) -> str:
    return f"pkg:cargo/{name}@{version.replace('+', '%2B')}"


def tree(target: str, edges: str) -> tuple[dict, dict]:
    """Crates by name and version with their licences, and the edges between them, as cargo resolves them for the binary."""
    crates, needs, path = {}, {}, []
    command = ["cargo", "tree", "--locked", "--package", "pichat", "--target", target, "--edges", edges]
    for line in run(*command, "--prefix", "depth", "--format", "{p}|{l}").splitlines():
        # "2name v1.2.3 (proc-macro)|licence (*)"; the star marks a crate whose dependencies are listed above.
        depth, name, version, licence = re.fullmatch(r"(\d+)(\S+) v(\S+)[^|]*\|(.*?)(?: \(\*\))?", line).groups()
        crate = name, version
        crates[crate] = " ".join(licence.replace("/", " OR ").split())
        path[int(depth) :] = [crate]
        needs.setdefault(crate, set())
        if len(path) > 1:
            needs[path[-2]].add(crate)
    return crates, needs


def sqlite(name: str, version: str) -> list[dict]:
    """The C library inside libsqlite3-sys."""
    if name != "libsqlite3-sys":
        return []
    packages = json.loads(run("cargo", "metadata", "--locked", "--format-version", "1"))["packages"]
    [manifest] = [p["manifest_path"] for p in packages if (p["name"], p["version"]) == (name, version)]
    header = (pathlib.Path(manifest).parent / "sqlite3/sqlite3.h").read_text()
    release = re.search(r'#define SQLITE_VERSION +"([\d.]+)"', header)[1]
    reference = f"pkg:generic/sqlite@{release}"
    licence = [{"license": {"id": "blessing"}}]
    return [{"type": "library", "bom-ref": reference, "name": "sqlite", "version": release, "purl": reference, "licenses": licence}]


def document(target: str) -> dict:
    with open(REPOSITORY / "Cargo.lock", "rb") as file:
        checksums = {(p["name"], p["version"]): p.get("checksum") for p in tomllib.load(file)["package"]}
    linked, _ = tree(target, "normal,no-proc-macro")
    everything, needs = tree(target, "normal,build")
    components, subject = [], None
    for (name, version), licence in sorted(everything.items()):
        reference = purl(name, version)
        part = {"type": "library", "bom-ref": reference, "name": name, "version": version, "purl": reference}
        part["licenses"] = [{"expression": licence}]
        if name == "pichat":
            subject = {**part, "type": "application"}
            continue
        part["scope"] = "required" if (name, version) in linked else "excluded"
        part["hashes"] = [{"alg": "SHA-256", "content": checksums[name, version]}]
        if inside := sqlite(name, version):
            part["components"] = inside
        components.append(part)
    subject["properties"] = [{"name": "cdx:rustc:sbom:target:triple", "value": target}]
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH") or run("git", "log", "-1", "--format=%ct"))
    date = datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    edges = [{"ref": purl(*crate), "dependsOn": sorted(purl(*need) for need in whom)} for crate, whom in sorted(needs.items())]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"timestamp": date, "component": subject},
        "components": components,
        "dependencies": edges,
    }


def check(bom: dict) -> None:
    """Asserts the properties of a complete document."""
    crates = bom["components"]
    references = [part["bom-ref"] for part in [*crates, bom["metadata"]["component"]]]
    assert len(set(references)) == len(references), "a crate is there twice"
    assert sum(part["scope"] == "required" for part in crates) > 50, "hardly a crate is linked"
    for part in crates:
        assert re.fullmatch(r"[0-9a-f]{64}", part["hashes"][0]["content"]), f"{part['name']}: no sum"
        words = part["licenses"][0]["expression"].replace("(", " ").replace(")", " ").split()
        assert words and all(re.fullmatch(r"[A-Za-z0-9.+-]+", word) for word in words), f"{part['name']}: no licence"
    told = {edge["ref"] for edge in bom["dependencies"]}
    assert told == set(references), "a crate's needs are not told"
    assert all(need in told for edge in bom["dependencies"] for need in edge["dependsOn"]), "a need is not listed"
    assert any("components" in part for part in crates), "SQLite is missing"


def main() -> None:
    bom = document(sys.argv[1] if len(sys.argv) > 1 else "aarch64-unknown-linux-musl")
    check(bom)
    text = json.dumps(bom, indent=1, ensure_ascii=False) + "\n"
    for own in (str(REPOSITORY), os.path.expanduser("~")):
        assert len(own) < 3 or own not in text, "something of this machine is in it"
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
