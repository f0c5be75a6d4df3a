#!/usr/bin/env bash
# packages.sh WORK: resolves and downloads the arm64 packages of the card with a private apt.
#
# -> WORK/debs/*.deb, WORK/packages.lock (name, version, sha256 of each), WORK/kernel-version.
# It does not change apt and dpkg of the build machine and adds no foreign architecture.
set -euo pipefail

image=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$1
suite=trixie
apt=$work/apt
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pichat/debs
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# Lines of a list without its comments.
list() { sed 's/#.*//' "$1" | xargs -n 1; }

# Mirrors of this machine: that of Debian and that of its security updates.
mirrors() {
    local found
    found=$(apt-get indextargets --no-release-info --format "\$(REPO_URI) \$(RELEASE)" | sort -u)
    mirror=$(awk '$1 ~ /\/debian\/?$/ { print $1; exit }' <<< "$found")
    security=$(awk '$2 ~ /-security$/ { print $1; exit }' <<< "$found")
    [ -n "$mirror" ] || { echo "packages.sh: this machine has no Debian mirror in its apt sources" >&2; exit 69; }
    mirror=${mirror%/}
    security=${security:-$mirror-security}
    security=${security%/}
}

# The machine's network settings, such as a proxy, apply to the private apt too.
network_settings() { apt-config dump | grep -E '^Acquire::(http|https)::' || true; }

private_apt() {
    mkdir -p "$apt"/{state/lists/partial,cache/archives/partial,etc/{preferences.d,sources.list.d,apt.conf.d,trusted.gpg.d}} "$cache/partial"
    mirrors
    network_settings > "$work/network.conf"
    cat > "$apt/apt.conf" <<EOF
Dir "$apt";
Dir::State "$apt/state";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
Dir::Etc "$apt/etc";
Dir::Log "$apt";
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "5";
Acquire::ForceHash "SHA256";
pkgCacheGen::Essential "none";
EOF
    cat "$work/network.conf" >> "$apt/apt.conf"
    printf 'deb [signed-by=%s] %s %s main non-free-firmware\n' \
        "$keyring" "$mirror" "$suite" \
        "$keyring" "$mirror" "$suite-updates" \
        "$keyring" "$security" "$suite-security" \
        "$keyring" "$mirror" "$suite-backports" > "$apt/etc/sources.list"
    # The kernel of the stable release cannot read the SD card of a Pi 5; the Wi-Fi firmware belongs to the kernel.
    cat > "$apt/etc/preferences.d/kernel" <<EOF
Package: linux-* firmware-brcm80211
Pin: release n=$suite-backports
Pin-Priority: 900
EOF
    # Packages for maintainer scripts only count as installed, so that they are neither downloaded nor listed.
    list "$image/debian/left-out.txt" | while read -r package; do
        printf 'Package: %s\nStatus: install ok installed\nArchitecture: arm64\nMulti-Arch: foreign\nVersion: 99:1\n\n' "$package"
    done > "$apt/status"
    export APT_CONFIG=$apt/apt.conf
}

# The metapackage depends on an initramfs generator.
kernel_version() { apt-cache depends linux-image-arm64 | sed -n 's/.*Depends: linux-image-\(.*-arm64\)$/\1/p' | head -n 1; }

# One line a package: file name and sha256. The archives folder is empty here, so that apt names every one of them.
resolve() {
    apt-get -qq -y --print-uris install "${wanted[@]}" | sed -n "s/^'[^']*' \([^ ]*\) [0-9]* SHA256:\([0-9a-f]*\)$/\1 \2/p" | sort
}

# Removes cached files whose content differs.
verify() {
    local file sum
    while read -r file sum; do
        [ -e "$cache/$file" ] || continue
        [ "$(sha256sum < "$cache/$file")" = "$sum  -" ] || rm -f "$cache/$file"
    done < "$work/resolved"
}

download() {
    # One build at a time uses the cache; a second one waits half an hour at most.
    exec 9> "$cache/.lock"
    flock -w 1800 9
    verify
    apt-get -qq -y -o Dir::Cache::archives="$cache" --download-only install "${wanted[@]}" > "$work/apt.log" 2>&1 ||
        { cat "$work/apt.log" >&2; exit 69; }
    verify
    mkdir -p "$work/debs"
    local file
    while read -r file _; do
        [ -e "$cache/$file" ] || { echo "packages.sh: $file did not arrive whole" >&2; exit 69; }
        ln "$cache/$file" "$work/debs/$file" 2>/dev/null || cp "$cache/$file" "$work/debs/$file"
    done < "$work/resolved"
    # The cache keeps the packages of one build only.
    for file in "$cache"/*.deb; do
        grep -q "^$(basename "$file") " "$work/resolved" || rm -f "$file"
    done
    flock -u 9
}

lock() {
    local file sum name version
    while read -r file sum; do
        IFS=_ read -r name version _ <<< "$file"
        printf '%s %s %s\n' "$name" "${version//%3a/:}" "$sum"
    done < "$work/resolved"
}

private_apt
for attempt in 1 2 3 4; do
    if apt-get -qq update; then break; fi
    [ "$attempt" = 4 ] && exit 69
    sleep $((attempt * 10))
done
kernel=$(kernel_version)
[ -n "$kernel" ] || { echo "packages.sh: no kernel in $suite-backports" >&2; exit 69; }
echo "$kernel" > "$work/kernel-version"
mapfile -t wanted < <(list "$image/debian/packages.txt")
wanted+=("linux-binary-$kernel" "linux-modules-$kernel" "linux-base-$kernel")
resolve > "$work/resolved"
[ -s "$work/resolved" ] || { apt-get -q -y -s install "${wanted[@]}" >&2 || true; exit 69; }
download
lock > "$work/packages.lock"
echo "$(wc -l < "$work/packages.lock") packages, kernel $kernel"
