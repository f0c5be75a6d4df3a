#!/usr/bin/env bash
# root.sh WORK BINARY VERSION: builds the read-only root file system.
#
# -> WORK/root (tree), WORK/raspi-firmware (for the boot partition), WORK/busybox (for the initramfs), WORK/root.erofs.
set -euo pipefail

image=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
repository=${image%/*}
work=$1 binary=$2 version=$3
root=$work/root
system=/usr/lib/systemd/system

list() { sed 's/#.*//' "$1" | grep .; }

# Removes manuals, translations, hardware names, other init systems and maintenance files. Licences stay.
unpack() {
    local deb
    mkdir -p "$root"/usr/{bin,sbin,lib}
    ln -s usr/bin "$root/bin"
    ln -s usr/sbin "$root/sbin"
    ln -s usr/lib "$root/lib"
    for deb in "$work"/debs/*.deb; do
        case ${deb##*/} in linux-base-* | linux-binary-* | linux-modules-*) continue ;; esac
        dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$root" --keep-directory-symlink --no-same-owner -p \
            --exclude='./usr/share/doc/*/[!c]*' --exclude='./usr/share/doc/*/c[!o]*' \
            --exclude='./usr/share/man/*' --exclude='./usr/share/info/*' --exclude='./usr/share/locale/*' \
            --exclude='./usr/share/lintian/*' --exclude='./usr/share/bug/*' --exclude='./usr/share/initramfs-tools/*' \
            --exclude='./usr/share/bash-completion/*' --exclude='./usr/share/zsh/*' --exclude='./usr/share/i18n/*' \
            --exclude='./usr/share/perl5/*' --exclude='./usr/share/zoneinfo/posix/*' --exclude='./usr/share/zoneinfo/right/*' \
            --exclude='./usr/lib/udev/hwdb.d/*' --exclude='./etc/init.d/*' --exclude='./etc/rc*.d/*' --exclude='./etc/cron*' \
            --exclude='./etc/kernel/*' --exclude='./etc/initramfs/*' --exclude='./etc/apt/*' --exclude='./etc/dpkg/*' \
            --exclude='./etc/update-motd.d/*' --exclude='./etc/issue*' --exclude='./etc/ssh/ssh_config*'
    done
    mkdir -p "$root/usr/share/doc/linux"
    cp "$work"/kernel/usr/share/doc/linux-base-*/copyright "$root/usr/share/doc/linux/"
    mv "$root/usr/bin/busybox" "$work/busybox"
    mv "$root/usr/lib/raspi-firmware" "$work/raspi-firmware"
    # No login prompt on any console.
    rm -f "$root"/usr/sbin/{agetty,sulogin} "$root/usr/bin/su"
    rmdir "$root"/usr/share/zoneinfo/{posix,right} 2>/dev/null || true
}

# Wi-Fi of the boards only: 43430 (Pi 3B), 43455 (3B+, 4B, 5), 43456 (400); the radio rules of the countries.
firmware() {
    local all=$root/usr/lib/firmware chosen=$work/firmware file
    mkdir -p "$chosen"
    (cd "$all" && find . \( -name 'regulatory.db*' -o -name '[bc]*43430-sdio*' -o -name '[bc]*4345[56]-sdio*' \) -print) | sort |
        while read -r file; do
            case $file in
                */brcmfmac*-sdio.*aspberry*) ;;
                */brcmfmac*-sdio.?*.txt) continue ;;
            esac
            mkdir -p "$chosen/${file%/*}"
            cp -a "$all/$file" "$chosen/$file"
        done
    rm -rf "$all"
    mv "$chosen" "$all"
    # The kernel accepts Debian's signature of the radio rules.
    for file in regulatory.db regulatory.db.p7s; do
        [ -e "$all/$file" ] || ln -s "$file-debian" "$all/$file"
    done
}

settings() {
    mkdir -p "$root"/{proc,sys,dev,run,tmp,data,boot/firmware,root,home,mnt,media,srv}
    rm -rf "${root:?}/var"
    mkdir "$root/var"
    cp -r --no-preserve=ownership "$image/rootfs/." "$root/"
    cp -r "$work/modules-root/usr/lib/modules" "$root/usr/lib/"

    install -D -m 0755 "$binary" "$root/usr/local/bin/pichat"
    install -m 0644 "$repository"/systemd/*.service "$repository"/systemd/*.path "$root$system/"
    install -D -m 0644 "$repository/systemd/sysusers.conf" "$root/usr/lib/sysusers.d/pichat.conf"
    install -D -m 0644 "$repository/systemd/tmpfiles.conf" "$root/usr/lib/tmpfiles.d/pichat.conf"
    install -D -m 0644 "$repository/systemd/journald.conf" "$root/usr/lib/systemd/journald.conf.d/pichat.conf"
    install -D -m 0644 "$image/pichat.toml" "$root/usr/share/pichat/pichat.toml"
    install -m 0644 "$work/packages.lock" "$root/usr/share/pichat/packages.lock"
    # This file tells `pichat appliance` that it runs on a card; without it the command changes nothing.
    install -d "$root/usr/lib/pichat"
    echo "$version" > "$root/usr/lib/pichat/appliance"

    mkdir -p "$root/etc/pichat" "$root/etc/default"
    ln -sf /run/pichat-settings/pichat.toml "$root/etc/pichat/pichat.toml"
    ln -sf /run/pichat-settings/localtime "$root/etc/localtime"
    ln -sf /run/systemd/resolve/resolv.conf "$root/etc/resolv.conf"
    ln -sf ../proc/self/mounts "$root/etc/mtab"
    ln -sf mawk "$root/usr/bin/awk"
    echo LANG=C.UTF-8 > "$root/etc/locale.conf"
    ln -sf ../locale.conf "$root/etc/default/locale"
    : > "$root/etc/default/keyboard"
    ln -sf default/keyboard "$root/etc/vconsole.conf"
    # The initramfs mounts the device's own file over it.
    echo uninitialized > "$root/etc/machine-id"
    # Its date is that of the image, and the clock's minimum without a battery and before the first time server.
    : > "$root/usr/lib/clock-epoch"
    rm "$root/etc/modules-load.d/modules.conf" "$root/etc/os-release"
    { cat "$root/usr/lib/os-release"; printf 'IMAGE_ID=pichat\nIMAGE_VERSION=%s\n' "$version"; } > "$root/etc/os-release"
}

units() {
    local here=$root/etc/systemd/system target unit name
    while read -r target unit name; do
        case $target in
            default.target) ln -sf "$system/$unit" "$here/default.target" ;;
            alias) ln -sf "$system/$name" "$here/$unit" ;;
            *)
                # An instance is a link to its template; files in /etc belong to the image.
                name=${unit/@*./@.}
                mkdir -p "$here/$target.wants"
                if [ -e "$here/$name" ]; then name=../$name; else name=$system/$name; fi
                ln -sf "$name" "$here/$target.wants/$unit"
                [ -e "$here/$target.wants/$unit" ] || [ -e "$root$name" ] || { echo "root.sh: there is no unit $unit" >&2; exit 65; }
                ;;
        esac
    done < <(list "$image/units/enabled.txt")
    while read -r unit; do ln -sf /dev/null "$here/$unit"; done < <(list "$image/units/masked.txt")
}

modes() {
    chmod -R u+rwX,go+rX,go-w "$root"
    find "$root" -xdev \( -type f -o -type d \) -perm /6000 -exec chmod ug-s {} +
    chmod 1777 "$root/tmp"
    chmod 0700 "$root/root" "$root"/etc/credstore*
    chmod 0640 "$root/etc/shadow" "$root/etc/gshadow"
}

unpack
firmware
settings
units
modes
mkfs.erofs -z lz4hc,12 -C 65536 -T "$SOURCE_DATE_EPOCH" -U 70696368-6174-4000-8000-000000000001 --all-root -x -1 -d 1 \
    "$work/root.erofs" "$root" > "$work/mkfs.erofs.log" || { cat "$work/mkfs.erofs.log" >&2; exit 70; }
echo "root: $(du -sm "$root" | cut -f1) MB unpacked, $(stat -c %s "$work/root.erofs") bytes as erofs"
