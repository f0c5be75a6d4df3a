#!/usr/bin/env bash
# kernel.sh WORK: unpacks the kernel's packages to WORK/kernel and chooses the modules of the card.
#
# -> WORK/modules-initramfs and WORK/modules-root: trees with usr/lib/modules/VERSION, modules uncompressed (the file systems
#    around them compress better), depmod's indices in place.
set -euo pipefail

image=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$1
version=$(< "$work/kernel-version")
tree=$work/kernel
modules=$tree/usr/lib/modules/$version

unpack() {
    mkdir -p "$tree/usr/lib"
    ln -s usr/lib "$tree/lib"
    local deb
    for deb in "$work"/debs/linux-{base,binary,modules}-"$version"_*.deb; do
        dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$tree" --keep-directory-symlink --no-same-owner
    done
    depmod -b "$tree" "$version"
}

# Lists of expressions -> the modules that match one of them, and their dependencies.
choose() {
    cat "$@" | grep -v -e '^#' -e '^$' > "$work/expressions"
    awk -F ': *' '
        NR == FNR { expression[++expressions] = $0; next }
        { needs[$1] = $2 }
        function add(module,    parts, n, i) {
            if (module in chosen) return
            chosen[module] = 1
            n = split(needs[module], parts, " ")
            for (i = 1; i <= n; i++) add(parts[i])
        }
        END {
            for (module in needs)
                for (i = 1; i <= expressions; i++)
                    if (module ~ expression[i]) { add(module); break }
            for (module in chosen) print module
        }' "$work/expressions" "$modules/modules.dep" | sort
}

# An expression without a match names a module that this kernel no longer has, or has built in.
unused() {
    local expression
    while read -r expression; do
        grep -qE -- "$expression" <(cut -d: -f1 "$modules/modules.dep") || echo "kernel.sh: no module matches $expression"
    done < "$work/expressions"
}

place() {
    local target=$1/usr/lib/modules/$version module
    mkdir -p "$target"
    ln -s usr/lib "$1/lib"
    cp "$modules"/modules.{order,builtin,builtin.modinfo} "$target/"
    while read -r module; do
        mkdir -p "$target/${module%/*}"
        case $module in
            *.xz) xz -dc "$modules/$module" > "$target/${module%.xz}" ;;
            *.zst) zstd -qdc "$modules/$module" > "$target/${module%.zst}" ;;
            *) cp "$modules/$module" "$target/$module" ;;
        esac
    done
    depmod -b "$1" "$version"
    rm "$1/lib"
}

unpack
choose "$image/modules/initramfs.txt" > "$work/modules-initramfs.list"
unused
place "$work/modules-initramfs" < "$work/modules-initramfs.list"
choose "$image/modules/initramfs.txt" "$image/modules/root.txt" > "$work/modules-root.list"
unused
place "$work/modules-root" < "$work/modules-root.list"
echo "$(wc -l < "$work/modules-initramfs.list") modules in the initramfs, $(wc -l < "$work/modules-root.list") in the root"
"$image/lib/drivers.py" "$work"
