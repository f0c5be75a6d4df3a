#!/usr/bin/env bash
# fuzz/run.sh [TARGET...] -> runs each target (default: all) for PICHAT_FUZZ_SECONDS (60), PICHAT_FUZZ_JOBS at once (default: the cores).
#
# Needs a nightly toolchain, a C++ compiler and cargo-fuzz; fetches no toolchain. New inputs go to target/fuzz/corpus; only
# fuzz/minimise.sh adds to fuzz/corpus. Failing inputs go to target/fuzz/artifacts, and the failures are printed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seconds=${PICHAT_FUZZ_SECONDS:-60}
[[ $seconds =~ ^[1-9][0-9]{0,4}$ ]] || { echo "fuzz/run.sh: PICHAT_FUZZ_SECONDS is no number of seconds: $seconds" >&2; exit 64; }
jobs=${PICHAT_FUZZ_JOBS:-$(nproc)}
for target in "$@"; do
    [ -d "fuzz/corpus/$target" ] || { echo "fuzz/run.sh: no target is called $target" >&2; exit 64; }
done
if [ $# -gt 0 ]; then targets=("$@"); else mapfile -t targets < <(ls fuzz/corpus); fi

export RUSTUP_AUTO_INSTALL=0
# Overrides the release profile: link-time optimisation would take minutes a target, and symbols are needed.
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_STRIP=none
export CARGO_PROFILE_RELEASE_DEBUG=line-tables-only
build=target/fuzz
cargo +nightly fuzz build --target-dir "$build" --fuzz-dir fuzz
host=$(rustc +nightly -vV | sed -n 's/^host: //p')

one() {
    local target=$1 corpus=$build/corpus/$1 artifacts=$build/artifacts/$1 log=$build/$1.log status=0
    mkdir -p "$corpus" "$artifacts"
    # The outer time limit ends a fuzzer that exceeds its own; 20 s for one input count as a hang.
    timeout $((seconds + 120)) "$build/$host/release/$target" "$corpus" "fuzz/corpus/$target" \
        -artifact_prefix="$artifacts/" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=1024 -max_len=70000 -print_final_stats=1 \
        > "$log" 2>&1 || status=$?
    if [ "$status" != 0 ]; then
        echo "$target failed ($status):"
        tail -n 60 "$log"
        return 1
    fi
    sed -n 's/^Done \([0-9]*\) runs in \([0-9]*\) second.*/\1 inputs in \2 s/p' "$log" | sed "s/^/$target: /"
}
export -f one
export seconds build host
printf '%s\n' "${targets[@]}" | xargs -P "$jobs" -I '{}' bash -euo pipefail -c 'one {}'
