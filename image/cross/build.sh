#!/usr/bin/env bash
# image/cross/build.sh [--base-from-debian] [--certificates FILE] -> the image localhost/pichat-cross, which cross.toml names.
#
# --base-from-debian   make the base from Debian's packages with mmdebstrap instead of fetching it from a container registry
# --certificates FILE  PEM of the authorities to trust for PyPI, in a network with its own
#
# CROSS_CONTAINER_ENGINE chooses between podman and docker, as for cross. BUILD_OPTS is passed to `ENGINE build`.
set -euo pipefail

readonly IMAGE=localhost/pichat-cross SUITE=bookworm

usage() { echo "usage: image/cross/build.sh [--base-from-debian] [--certificates FILE]" >&2; exit 64; }

from_debian=no
options=()
while [ $# -gt 0 ]; do
    case $1 in
        --base-from-debian) from_debian=yes ;;
        --certificates)
            [ -r "${2:-}" ] || usage
            options+=(--secret "id=certificates,src=$(realpath "$2")")
            shift
            ;;
        *) usage ;;
    esac
    shift
done

engine=${CROSS_CONTAINER_ENGINE:-$(command -v podman || command -v docker || true)}
[ -n "$engine" ] || { echo "image/cross/build.sh: install podman or docker first" >&2; exit 69; }

if [ $from_debian = yes ]; then
    command -v mmdebstrap >/dev/null || { echo "image/cross/build.sh: install mmdebstrap first" >&2; exit 69; }
    base=localhost/pichat-debian:$SUITE
    # Without a mirror mmdebstrap uses Debian's own, with the security updates, which contain the compiler.
    mmdebstrap --variant=minbase --include=ca-certificates "$SUITE" - |
        "$engine" import - "$base"
    options+=(--build-arg "BASE=$base")
fi

# shellcheck disable=SC2086  # several options, separated by spaces
"$engine" build "${options[@]}" ${BUILD_OPTS:-} --tag "$IMAGE" "$(dirname "${BASH_SOURCE[0]}")"
"$engine" images "$IMAGE"
