#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Tries Debian packages without installing them: unpacks all in FOLDER (build/packages) into a temporary
# root and uses what is there: attld starts with the packaged settings, attl talks to it, a program is
# compiled against the headers and library, Python imports its package. Not part of scripts/test, as
# building packages takes minutes: scripts/package runs it.
set -euo pipefail

folder=${1:-build/packages}
cd "$folder"
root=$(mktemp -d)
pid=''
cleanup() {
    [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
    rm -rf "$root"
}
trap cleanup EXIT

fail() {
    printf 'try_packages: %s\n' "$*" >&2
    exit 1
}

for name in libattl0 libattl-toml0 libattl-dev attld attl-tools python3-attl; do
    package=$(ls "${name}"_*.deb) || fail "no package $name"
    dpkg -x "$package" "$root"
done
for file in etc/attl/settings.toml usr/share/man/man1/attl.1.gz usr/share/man/man8/attld.8.gz \
    usr/share/man/man5/attl-settings.toml.5.gz usr/share/man/man3/libattl.3.gz \
    usr/lib/sysusers.d/attld.conf usr/lib/tmpfiles.d/attld.conf \
    usr/share/bash-completion/completions/attl usr/share/zsh/vendor-completions/_attl \
    usr/share/fish/vendor_completions.d/attl.fish; do
    [ -s "$root/$file" ] || fail "no /$file"
done
[ -s "$root/lib/systemd/system/attld.service" ] || [ -s "$root/usr/lib/systemd/system/attld.service" ] ||
    fail "no unit"
dpkg-deb --ctrl-tarfile attld_*.deb | tar -xO ./conffiles | grep -qx /etc/attl/settings.toml ||
    fail "the settings are no conffile"
dpkg-deb --ctrl-tarfile attld_*.deb | tar -xO ./postinst | grep -q systemd-sysusers ||
    fail "nobody makes the user"

mkdir "$root/data"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$root/usr/bin/attld" --config "$root/etc/attl/settings.toml" --server.dir "$root/data" --server.port "$port" \
    --server.admin_port 0 2>"$root/log" &
pid=$!
attl=("$root/usr/bin/attl" -p "$port")
for _ in $(seq 100); do
    "${attl[@]}" --healthcheck >/dev/null 2>&1 && break
    sleep 0.1
done
[ "$("${attl[@]}" PING)" = PONG ] || { cat "$root/log" >&2; fail "attld does not answer"; }
"${attl[@]}" set greeting hello EX 60 >/dev/null
[ "$("${attl[@]}" get greeting)" = hello ] || fail "a value is lost"
"${attl[@]}" top --once | grep -q serving || fail "attl top shows nothing"
kill "$pid"
wait "$pid" || fail "attld ended with $?"
pid=''

libs=$(dirname "$(find "$root/usr/lib" -name libattl.a)")
cat >"$root/program.c" <<'C'
#include <attl/attl.h>
#include <stdio.h>
int main(void) { return puts(attl_version()) < 0; }
C
cc -I"$root/usr/include" "$root/program.c" -L"$libs" -lattl -o "$root/program"
[ "$(LD_LIBRARY_PATH="$libs" "$root/program")" ] || fail "libattl says nothing"
if [ -x /usr/bin/python3 ]; then
    PYTHONPATH="$root/usr/lib/python3/dist-packages" /usr/bin/python3 -c 'import asyncttlcache' ||
        fail "Python cannot import asyncttlcache"
fi
printf 'the packages work\n'
