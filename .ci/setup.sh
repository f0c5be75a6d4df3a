#!/usr/bin/env bash
# .ci/setup.sh: installs Debian packages and cargo tools that .ci/run needs, as root and without a terminal.
#
# Keeps installed versions. Never fetches a Rust toolchain.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source .ci/environment.sh

packages=(
    gcc g++ libc6-dev git procps curl openssl # build and process-level tests
    nginx caddy                               # proxies of the tests
    chromium chromium-driver libnss3-tools    # browser tests
    firefox-esr webkit2gtk-driver xvfb xauth  # the main story in other browsers
    valgrind                                  # instruction counts
    wget aria2 python3 python3-venv           # third-party clients and peers
    e2fsprogs dash bsdextrautils              # parts of the card
)
image/lib/host_deps.sh "${packages[@]}"

# axe-core checks every page; the wheel brings it as one file, at a fixed version.
axe=${XDG_CACHE_HOME:-$HOME/.cache}/pichat/axe.min.js
wheel=axe-playwright-python==0.1.8
if [ "$(cat "$axe.from" 2>/dev/null)" != "$wheel" ]; then
    work=$(mktemp -d)
    python3 -m venv "$work/venv"
    again "$work/venv/bin/pip" download -q --disable-pip-version-check --no-deps -d "$work" "$wheel"
    mkdir -p "${axe%/*}"
    python3 - "$work"/*.whl "$axe" <<'END'
import sys, zipfile
wheel, target = sys.argv[1:]
with zipfile.ZipFile(wheel) as parts, open(target, "wb") as file:
    file.write(parts.read("axe_playwright_python/axe.min.js"))
END
    echo "$wheel" > "$axe.from"
    rm -rf "$work"
fi

# Debian has no packages of these; they are built once and stored beside cargo.
command -v cargo-deny >/dev/null || again cargo install --locked --quiet cargo-deny
if toolchain nightly >/dev/null; then
    command -v cargo-fuzz >/dev/null || again cargo install --locked --quiet cargo-fuzz
fi
