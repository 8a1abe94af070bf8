#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What try_packages.sh runs in a minimal Debian of its own, with the packages in /packages and systemd as
# process 1: they are installed, used by their commands, unit, library and module, upgraded, removed and
# purged. Each line says what was found to be so; the first thing that is not so ends it.
# shellcheck disable=SC2016 # what sh -c gets is expanded there
set -uo pipefail
cd /
export DEBIAN_FRONTEND=noninteractive
packages=(attld attl-tools libattl0 libattl-toml0 libattl-dev python3-attl)
settings=/etc/attl/settings.toml

fail() {
    printf 'FAIL %s\n' "$*"
    systemctl --no-pager status attld 2>&1 | head -n 12
    journalctl --no-pager --quiet --unit attld --lines 20
    exit 1
}

# expect WHAT COMMAND...: the command succeeds, within 20 seconds. What apt does is tried once.
expect() {
    local what=$1 log end=$((SECONDS + 20))
    shift
    while :; do
        if log=$("$@" 2>&1); then
            printf 'ok   %s\n' "$what"
            return
        fi
        if [ "$1" = apt ] || [ "$SECONDS" -ge "$end" ]; then
            break
        fi
        sleep 0.2
    done
    printf '%s\n' "$log"
    fail "$what ($*)"
}

# is TEXT COMMAND...: the command prints exactly this.
is() {
    local wanted=$1 got
    shift
    got=$("$@" 2>&1)
    [ "$got" = "$wanted" ] || { printf 'got: %s\nnot: %s\n' "$got" "$wanted"; return 1; }
}

# shows PATTERN COMMAND...: the command prints something like this.
shows() {
    local wanted=$1 got
    shift
    got=$("$@" 2>&1)
    grep -q -e "$wanted" <<<"$got" || { printf 'got: %s\nnot: %s\n' "$got" "$wanted"; return 1; }
}

apt() { apt-get -q -y --no-install-recommends "$@" </dev/null; }
changed_since() { [ "$1" != "$(main_pid)" ]; }
pristine() { ! dpkg --verify "$1" | grep -v " c "; } # conffiles are the administrator's
main_pid() { systemctl show --property MainPID --value attld; }
process_has() { grep -Eq "$1" "/proc/$(main_pid)/$2"; }
someone() { setpriv --reuid=nobody --regid=nogroup --clear-groups -- "$@"; }
in_section() { sed -i "/^\[$1\]/a $2" "$settings"; }

http_answers() {
    exec 3<>/dev/tcp/127.0.0.1/6413 || return 1
    printf 'GET %s HTTP/1.0\r\nHost: 127.0.0.1:6413\r\n\r\n' "$1" >&3
    grep -aq "$2" <&3
}

# Everything of ours outside the caches and logs of the system.
files_of_ours() {
    find / -xdev \( -path /proc -o -path /sys -o -path /packages -o -path /var/cache -o -path /var/log \
        -o -path '/var/lib/attl/*' \) -prune -o \( -name '*attl*' -o -name '*asyncttlcache*' \) -print
}

# ---- the server and the tool ----
is '' files_of_ours || fail "this system is not clean"
expect "attld and attl-tools install" apt install /packages/attld_*.deb /packages/attl-tools_*.deb
expect "the service runs after that" is active systemctl is-active attld
expect "and at each boot" is enabled systemctl is-enabled attld
expect "attl ping, by anybody" is PONG someone attl ping
expect "it runs as attl" is attl stat -c %U "/proc/$(main_pid)"
expect "without privileges" process_has '^CapEff:\s+0+$' status
expect "with fewer system calls" process_has '^Seccomp:\s+2$' status
expect "with many descriptors" process_has '^Max open files +([0-9]{5,}) +\1 ' limits
expect "systemd shows its state" is serving systemctl show --property StatusText --value attld
expect "/etc/attl is for root and attl" is '750 root attl' stat -c '%a %U %G' /etc/attl
expect "/var/lib/attl is for attl" is '700 attl attl' stat -c '%a %U %G' /var/lib/attl
expect "a value is stored" is OK attl set greeting hello EX 3600
expect "and found" is hello attl get greeting
expect "the packaged limit is in force" shows 1073741824 attl config get maxmemory
expect "attl top" shows serving attl top --once
expect "HTTP: ready" http_answers /readyz '200 OK'
expect "HTTP: a page" http_answers / '<html'
before=$(main_pid)
expect "reload" systemctl reload attld
expect "reload keeps the process" is "$before" main_pid
expect "no warning is logged" is '' journalctl --no-pager --quiet --unit attld --priority warning
expect "the unit is right" is '' systemd-analyze verify attld.service
printf '     %s\n' "$(systemd-analyze --no-pager security attld.service | tail -n 1)"

# ---- a life with it ----
in_section persist 'fsync = "always"'
expect "settings with a log" systemctl restart attld
attl set kept for-good EX 36000 >/dev/null
expect "restart" systemctl restart attld
expect "the value survives" is for-good attl get kept
in_section server 'nonsense = 1'
systemctl restart attld 2>/dev/null
expect "wrong settings fail" is failed systemctl is-active attld
expect "with status 78" is 78 systemctl show --property ExecMainStatus --value attld
expect "and are not tried again" is 0 systemctl show --property NRestarts --value attld
expect "the journal says where" shows "settings.toml:.*nonsense" journalctl --no-pager --unit attld
sed -i '/^nonsense/d' "$settings"
expect "right settings start" systemctl start attld
before=$(main_pid)
systemctl reset-failed attld # the starts above are forgotten: five in ten seconds are systemd's limit
systemctl kill --signal KILL attld
expect "a killed server comes back" is 1 systemctl show --property NRestarts --value attld
expect "with its data" is for-good attl get kept
mkdir -p /run/systemd/system/attld.service.d
printf '[Service]\nWatchdogSec=1\n' >/run/systemd/system/attld.service.d/watchdog.conf
systemctl daemon-reload
systemctl reset-failed attld
expect "a drop-in is taken" systemctl restart attld
sleep 3
expect "signs of life keep it running" is 0 systemctl show --property NRestarts --value attld
systemctl kill --signal STOP attld
expect "a server that hangs is replaced" is 1 systemctl show --property NRestarts --value attld
expect "with its data" is for-good attl get kept
rm -r /run/systemd/system/attld.service.d
systemctl daemon-reload
expect "back to the packaged unit" systemctl restart attld

# ---- libraries, module, pages, completions ----
expect "the other packages install" apt install /packages/*.deb
for name in "${packages[@]}"; do
    expect "$name is as it was packed" pristine "$name"
done
expect "a program compiles" sh -c 'cc /packages/embed_min.c $(pkg-config --cflags --libs attl) -o /tmp/shared'
expect "and runs" shows '^hello' /tmp/shared
expect "a static one" sh -c 'cc /packages/embed_min.c $(pkg-config --cflags attl) -l:libattl.a \
    $(pkg-config --static --libs attl | sed "s/-lattl\b//") -o /tmp/static'
expect "runs" shows '^hello' /tmp/static
cat >/tmp/toml.c <<'C'
#include <attl/attl.h>
#include <stdio.h>
int main(void)
{
    attl_config *config = attl_config_new();
    char why[200] = "", value[32] = "";
    int status = attl_config_load(config, "/etc/attl/settings.toml", why, sizeof(why));
    if (!status)
        status = attl_config_get(config, "cache.max_memory", value, sizeof(value));
    printf("%d %s%s\n", status, why, value);
    attl_config_free(config);
    return 0;
}
C
expect "a program that reads settings" sh -c 'cc /tmp/toml.c $(pkg-config --cflags --libs attl-toml) -o /tmp/toml'
expect "reads them" is '0 1GiB' /tmp/toml
cat >/tmp/module.py <<'PY'
import asyncio
import asyncttlcache

async def main():
    async with asyncttlcache.AsyncTTLCache() as cache:
        await cache.set("k", b"v", 60)
        return await cache.get("k")

with asyncttlcache.TTLCache() as cache:
    cache.set("k", [1, 2], 60)
    print(cache.get("k"), asyncio.run(main()))
PY
expect "the Python module works" is "[1, 2] b'v'" python3 /tmp/module.py
for page in 1/attl 3/libattl 5/attl-settings.toml 8/attld; do
    expect "man ${page#*/}" shows 'SEE ALSO' man --encoding=ascii "${page%/*}" "${page#*/}"
done
for file in bash-completion/completions/attl zsh/vendor-completions/_attl fish/vendor_completions.d/attl.fish; do
    expect "/usr/share/$file" test -s "/usr/share/$file"
done

# ---- upgrade: the same with a higher revision ----
mkdir /tmp/next
for name in "${packages[@]}"; do
    version=$(dpkg-query -W -f '${Version}' "$name")
    dpkg-deb -R /packages/"${name}"_*.deb /tmp/unpacked
    sed -i "s/\b$version\b/$version+next/g" /tmp/unpacked/DEBIAN/control
    dpkg-deb -b /tmp/unpacked /tmp/next >/dev/null
    rm -r /tmp/unpacked
done
before=$(main_pid)
expect "the upgrade asks nothing" apt install /tmp/next/*.deb
expect "and is one" shows '+next$' dpkg-query -W attld libattl0 python3-attl
expect "the service runs" is active systemctl is-active attld
expect "the new one" changed_since "$before"
expect "with the changed settings" grep -q '^fsync = "always"' "$settings"
expect "and the data" is for-good attl get kept

# ---- remove, come back, purge ----
expect "removal" apt remove "${packages[@]}"
expect "ends the service" is inactive systemctl is-active attld
expect "keeps settings" test -s "$settings"
expect "and data" test -d /var/lib/attl
expect "and no program" is '' find /usr/bin /usr/lib /usr/include /usr/share /lib -name '*attl*' -not -name '*.list'
expect "they come back" apt install /tmp/next/*.deb
expect "with the data" is for-good attl get kept
expect "purge asks nothing" apt purge "${packages[@]}"
rm -rf /tmp/next /tmp/shared /tmp/static /tmp/toml /tmp/toml.c
expect "and leaves the data, nothing else" is /var/lib/attl files_of_ours
expect "which is attl's" is attl stat -c %U /var/lib/attl
