#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Tries the Debian packages in FOLDER (build/packages) where nothing else is: mmdebstrap makes a minimal
# Debian of this release in a temporary folder, systemd starts there as the first process of namespaces of
# its own, without a network but loopback, and inside.sh installs, uses, upgrades and removes the packages.
# This machine's own packages, users and services are not touched, and nothing is left.
#
# Needs root (namespaces, a cgroup), mmdebstrap, and Debian's mirror. ATTL_TRY_BASE names a tarball to begin
# with instead of what mmdebstrap makes; if there is none, it is kept there (to look for a mistake faster).
# Not part of scripts/test, as it takes minutes: scripts/package runs it.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$(cd "${1:-build/packages}" && pwd)
base=${ATTL_TRY_BASE:-}
# What a machine has that is not minimal: a service manager, man, a compiler, Python.
included=systemd-sysv,dbus,man-db,gcc,libc6-dev,pkg-config,python3,iproute2

fail() {
    printf 'try_packages: %s\n' "$*" >&2
    exit 1
}

[ "$(id -u)" -eq 0 ] || fail "needs root: it starts a systemd in namespaces of its own"
command -v mmdebstrap >/dev/null || fail "mmdebstrap is missing: apt-get install mmdebstrap"
# shellcheck source=/dev/null
release=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
[ -n "$release" ] || fail "this is no release of Debian"
cgroups=$(findmnt -n -o TARGET -t cgroup2 | head -n 1)
[ -n "$cgroups" ] || fail "needs cgroup2, which is not mounted here"

work=$(mktemp -d)
root=$work/root
cgroup=$cgroups/attl-try.$$
pid=''
cleanup() {
    [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true # and with it all in its namespaces
    for _ in $(seq 100); do
        [ -d "$cgroup" ] || break
        find "$cgroup" -depth -type d -exec rmdir {} \; 2>/dev/null
        sleep 0.1
    done
    rm -rf --one-file-system "$work"
}
trap cleanup EXIT

printf 'making a minimal %s\n' "$release"
if [ -z "$base" ] || [ ! -e "$base" ]; then
    mmdebstrap --quiet --variant=minbase --include="$included" "$release" "${base:-$work/base.tar}"
fi
mkdir "$root"
tar -C "$root" --numeric-owner -xf "${base:-$work/base.tar}"
mkdir "$root/packages"
echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/unsafe-io" # it lives for minutes
cp "$folder"/*.deb "$here/inside.sh" "$here/../../examples/embed_min.c" "$root/packages/"
rm -f "$root"/packages/*-dbgsym_*.deb
# All that the packages depend on is fetched now, and nothing later.
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
chroot "$root" env DEBIAN_FRONTEND=noninteractive sh -c \
    'apt-get -q update && apt-get -q install -y --no-install-recommends --download-only /packages/*.deb' \
    >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; fail "the dependencies cannot be fetched"; }

# The first process there. What is mounted is in its namespace alone and goes with it.
boot() {
    local root=$1 file
    mount --make-rprivate /
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    for file in null zero full random urandom tty; do
        touch "$root/dev/$file"
        mount --bind "/dev/$file" "$root/dev/$file"
    done
    mkdir "$root/dev/pts" "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
    mount -t tmpfs tmpfs "$root/dev/shm"
    mount -t tmpfs -o mode=755 tmpfs "$root/run"
    hostname attl-try
    cd "$root"
    pivot_root . mnt
    umount -l /mnt
    exec env -i container=attl-try PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd
}
mkdir "$cgroup"
# shellcheck disable=SC2016 # to be expanded there
(
    echo "$BASHPID" >"$cgroup/cgroup.procs"
    exec unshare --pid --fork --kill-child --mount --uts --ipc --net --cgroup \
        bash -ec "$(declare -f boot)"'; boot "$1"' - "$root" </dev/null >"$work/boot.log" 2>&1
) &
pid=$!
disown "$pid"
first=''
for _ in $(seq 100); do
    first=$(pgrep -P "$pid" -x systemd || true)
    [ -n "$first" ] && break
    sleep 0.1
done
[ -n "$first" ] || { cat "$work/boot.log" >&2; fail "systemd does not start"; }
nsenter -t "$first" --pid --mount --uts --ipc --net --cgroup -- \
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 bash /packages/inside.sh </dev/null
printf 'the packages work\n'
