#!/usr/bin/env bash
# tests/conformance/peers.sh [BINARY] -> checks answers with httplint, sockets with Python's websockets, and metrics
# with the strict parser of Prometheus' client.
#
# The three programs come from PyPI at fixed versions and stay in the cache folder. BINARY defaults to target/debug/pichat.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
binary=${1:-$here/../../target/debug/pichat}
venv=${XDG_CACHE_HOME:-$HOME/.cache}/pichat/conformance

if ! cmp -s "$here/requirements.txt" "$venv/requirements.txt"; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    # A busy mirror may fail for a moment.
    for try in 1 2 3 4; do
        "$venv/bin/pip" install -q --disable-pip-version-check --no-deps -r "$here/requirements.txt" && break
        [ "$try" != 4 ] || exit 69
        sleep $((try * 5))
    done
    cp "$here/requirements.txt" "$venv/requirements.txt"
fi
for part in answers sockets metrics; do
    PYTHONDONTWRITEBYTECODE=1 timeout 300 "$venv/bin/python" "$here/$part.py" "$binary"
done
