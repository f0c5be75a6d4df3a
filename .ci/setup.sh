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
    firefox-esr                               # the main story in another browser
    valgrind                                  # instruction counts
    wget aria2 python3 python3-venv           # third-party clients and peers
    e2fsprogs dash bsdextrautils              # parts of the card
)
image/lib/host_deps.sh "${packages[@]}"

# Debian has no packages of these; they are built once and stored beside cargo.
command -v cargo-deny >/dev/null || again cargo install --locked --quiet cargo-deny
if toolchain nightly >/dev/null; then
    command -v cargo-fuzz >/dev/null || again cargo install --locked --quiet cargo-fuzz
fi
