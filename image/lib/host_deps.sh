#!/usr/bin/env bash
# host_deps.sh PACKAGE...: installs missing Debian packages on this machine. Without root it prints their names.
#
# Waits for another apt and removes no package.
set -euo pipefail

missing=()
for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" != 0 ]; then
    echo "install these packages first: ${missing[*]}" >&2
    exit 69
fi

export DEBIAN_FRONTEND=noninteractive
apt() { apt-get -q -y -o Acquire::Retries=5 -o DPkg::Lock::Timeout=300 "$@"; }
# A mirror may be busy or synchronising, and the lock of package lists has no timeout.
for attempt in 1 2 3 4 5; do
    if apt update && apt install --no-install-recommends --no-remove "${missing[@]}"; then
        exit 0
    fi
    echo "attempt $attempt to install ${missing[*]} failed" >&2
    sleep $((attempt * 5))
done
exit 69
