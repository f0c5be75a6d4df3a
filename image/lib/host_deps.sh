#!/usr/bin/env bash
# host_deps.sh PACKAGE...: what is missing of these Debian packages on the building machine. Root installs them, others are told.
set -euo pipefail

missing=()
for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" != 0 ]; then
    echo "image/build: install these packages first: ${missing[*]}" >&2
    exit 69
fi

export DEBIAN_FRONTEND=noninteractive
for attempt in 1 2 3; do
    if apt-get -q -o Acquire::Retries=5 update &&
        apt-get -q -y -o Acquire::Retries=5 install --no-install-recommends "${missing[@]}"; then
        exit 0
    fi
    echo "image/build: attempt $attempt to install packages failed" >&2
    sleep $((attempt * 10))
done
exit 69
