#!/usr/bin/env bash
# fuzz/minimise.sh [TARGET...] -> fuzz/corpus/TARGET, with inputs of fuzz/run.sh that add coverage.
#
# Handwritten inputs (named in words) stay. Found inputs (named by 40 hexadecimal digits) are chosen again from a set with the same coverage: 48
# inputs of all lengths, up to 1 KiB each and 14 KiB together, so that the corpus stays small. The rest is in target/fuzz/corpus.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ $# -gt 0 ]; then targets=("$@"); else mapfile -t targets < <(ls fuzz/corpus); fi
host=$(rustc +nightly -vV | sed -n 's/^host: //p')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for target in "${targets[@]}"; do
    corpus=fuzz/corpus/$target found=$work/found chosen=$work/chosen room=14336
    rm -rf "$found" "$chosen"
    mkdir -p "$found" "$chosen" "target/fuzz/corpus/$target"
    find "$corpus" -type f -regextype posix-extended -regex '.*/[0-9a-f]{40}' -exec mv -t "$found" '{}' +
    find "target/fuzz/corpus/$target" -type f -size -3 -exec cp -t "$found" '{}' +
    cp "$corpus"/* "$chosen"
    timeout 600 "target/fuzz/$host/release/$target" -set_cover_merge=1 -max_len=1024 "$chosen" "$found" 2>"$work/log" ||
        { tail "$work/log" >&2; exit 1; }
    mapfile -t new < <(find "$chosen" -type f -regextype posix-extended -regex '.*/[0-9a-f]{40}' -printf '%s %f\n' | sort -n)
    for ((n = 0; n < 48 && n < ${#new[@]}; n++)); do
        # Takes the permitted number, evenly from the shortest to the longest.
        count=$((${#new[@]} < 48 ? ${#new[@]} : 48))
        read -r size file <<< "${new[n * ${#new[@]} / count]}"
        room=$((room - size))
        [ "$room" -ge 0 ] || break
        cp "$chosen/$file" "$corpus"
    done
    echo "$target: $(find "$corpus" -type f | wc -l) inputs, $(cat "$corpus"/* | wc -c) bytes"
done
