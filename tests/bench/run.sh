#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs the benchmarks of a build and prints their tables. The build's folder comes from ATTL_BUILD_DIR
# (scripts/bench sets it); the tables also go, as JSON lines, to bench/*.jsonl in it. Method and how to
# read the tables: docs/benchmarks.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

PARTS_ALL="inproc skew hotkey memory wamp expiry queue stampede hitratio reclaim server persist tracking observe python idle burst availability"
PARTS="inproc skew hotkey memory wamp expiry queue stampede hitratio server persist tracking observe python idle burst availability"
SIZE=default
VALKEY=yes

usage() {
    cat <<EOF
usage: scripts/bench [--quick | --full] [--parts "a b"] [--no-valkey]
Parts: $PARTS_ALL (by default all but reclaim).
  --quick      smaller sets and shorter rounds, about two minutes and a half
  --full       the sets of the published figures, about three quarters of an hour
  --parts      only these parts
  --no-valkey  do not fetch valkey-server from bookworm-backports when it is not installed
The traces are looked for in \$ATTL_TRACES, else in ../shared/traces. \$ATTL_RELEASE may name an attld
from before the log; persist then shows what the log costs beside it.
EOF
}

while [ $# -gt 0 ]; do
    case $1 in
    --quick) SIZE=quick ;;
    --full) SIZE=full ;;
    --parts)
        [ $# -gt 1 ] || { usage >&2 && exit 64; }
        PARTS=${2//,/ }
        shift
        ;;
    --no-valkey) VALKEY=no ;;
    --help | -h) usage && exit 0 ;;
    *) usage >&2 && exit 64 ;;
    esac
    shift
done

BUILD=${ATTL_BUILD_DIR:-$PWD/build}
BIN=$BUILD/bench
TRACES=${ATTL_TRACES:-../shared/traces}
[ -x "$BIN/bench_inproc" ] || {
    echo "no benchmarks in $BIN: use scripts/bench, or build with -DATTL_BENCH=ON" >&2
    exit 1
}
mkdir -p "$BIN"

# choose QUICK DEFAULT FULL: the one for the size asked for.
choose() {
    case $SIZE in
    quick) printf '%s' "$1" ;;
    default) printf '%s' "$2" ;;
    full) printf '%s' "$3" ;;
    esac
}

heading() {
    printf '\n==== %s ====\n' "$1"
}

# fresh NAME: the JSON file of a part, emptied.
fresh() {
    : >"$BIN/$1.jsonl"
    printf '%s' "$BIN/$1.jsonl"
}

part_inproc() {
    heading "in the process: libattl beside other maps and caches"
    "$BIN/bench_inproc" --sizes "$(choose 100k 100k,10M 100k,1M,10M)" --rounds "$(choose 3 3 5)" \
        --slot-ms "$(choose 100 200 1000)" --json "$(fresh inproc)"
}

part_skew() {
    heading "skewed and concurrent: features on, moving, the baseline, and a mutex per shard"
    "$BIN/bench_skew" --keys "$(choose 200k 1M 10M)" --rounds "$(choose 3 5 9)" \
        --slot-ms "$(choose 200 1000 2000)" --json "$(fresh skew)"
}

part_hotkey() {
    heading "hot keys: attl_get beside validated copies per thread (a prototype)"
    "$BIN/bench_hotkey" --rounds "$(choose 2 3 7)" --slot-ms "$(choose 60 150 500)" \
        --json "$(fresh hotkey)"
}

part_memory() {
    heading "bytes per item"
    "$BIN/bench_memory" --items "$(choose 500k 5M 5M)" --overwrites "$(choose 5 5 10)" \
        --json "$(fresh memory)"
}

part_wamp() {
    heading "write amplification of the cleaner"
    "$BIN/bench_wamp" --items "$(choose 200k 500k 2M)" --json "$(fresh wamp)"
}

part_expiry() {
    heading "mass expiry in the process"
    "$BIN/bench_expiry" --items "$(choose 500k 2M 5M)" \
        --json "$(fresh expiry)"
}

part_idle() {
    local json
    json=$(fresh idle)
    heading "idle: beside a sweep of everything each 5 s and 30 s"
    "$BIN/bench_idle" --items 0 --seconds "$(choose 30 30 60)" --json "$json"
    "$BIN/bench_idle" --items 1M --seconds "$(choose 30 30 60)" --json "$json"
}

part_burst() {
    heading "callers during a burst of expirations: beside a sweep each second, and without pauses"
    "$BIN/bench_burst" --items "$(choose 500k 1M 2M)" --rounds "$(choose 1 3 5)" --json "$(fresh burst)"
}

part_queue() {
    heading "completion queues"
    "$BIN/bench_queue" --operations "$(choose 262144 1048576 4194304)" --rounds "$(choose 3 5 9)" \
        --json "$(fresh queue)"
}

# Decompresses one trace, once. Without the program for it the trace is left out.
trace() {
    local from=$1 to=$2 program=xz
    case $from in *.zst) program=zstd ;; esac
    if [ ! -s "$to" ]; then
        command -v "$program" >/dev/null || { echo "$from left out: no $program" && return 0; }
        case $from in
        *.xz) xz -dc "$from" >"$to.part" ;;
        *.zst) zstd -qdc "$from" >"$to.part" ;;
        esac
        mv "$to.part" "$to"
    fi
    LIST=${LIST:+$LIST,}$to
}

part_hitratio() {
    local name
    LIST=''
    heading "hit ratio on traces"
    mkdir -p "$BIN/traces"
    [ -r "$TRACES/arc_OLTP.lis.zst" ] && trace "$TRACES/arc_OLTP.lis.zst" "$BIN/traces/oltp.arc"
    for name in orm-busy web07 web12; do
        [ -r "$TRACES/$name.trace.xz" ] && trace "$TRACES/$name.trace.xz" "$BIN/traces/$name.be32"
    done
    if [ -z "$LIST" ]; then
        echo "skipped: no traces in $TRACES (set ATTL_TRACES; docs/benchmarks.md says which)"
        return 0
    fi
    "$BIN/bench_hitratio" --traces "$LIST" --json "$(fresh hitratio)"
    if [ "$SIZE" = full ]; then
        "$BIN/bench_hitratio" --traces "$LIST" --limit 0 --json "$BIN/hitratio.jsonl"
    fi
}

part_reclaim() {
    heading "cost of a read section"
    "$BIN/bench_reclaim" --json "$(fresh reclaim)"
}

# Prints the path of a valkey-server: an installed one, or one unpacked below the build's folder. The
# package is only downloaded and unpacked, so neither apt's sources nor the system are changed.
find_valkey() {
    local at=$BIN/valkey apt
    command -v valkey-server && return 0
    [ -x "$at/usr/bin/valkey-server" ] && echo "$at/usr/bin/valkey-server" && return 0
    [ "$VALKEY" = yes ] && command -v apt-get >/dev/null || return 0
    mkdir -p "$at/lists/partial"
    printf '%s\n' 'Types: deb' 'URIs: http://deb.debian.org/debian' 'Suites: bookworm-backports' \
        'Components: main' 'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg' \
        >"$at/backports.sources"
    apt=(apt-get -qq -o "Dir::Etc::sourcelist=$at/backports.sources" -o Dir::Etc::sourceparts=/dev/null
        -o "Dir::State::lists=$at/lists")
    (cd "$at" && timeout 60 "${apt[@]}" update && timeout 60 "${apt[@]}" download valkey-tools valkey-server &&
        dpkg -x valkey-tools_*.deb . && dpkg -x valkey-server_*.deb .) >"$at/log" 2>&1 || return 0
    "$at/usr/bin/valkey-server" --version >/dev/null 2>&1 && echo "$at/usr/bin/valkey-server"
    return 0
}

part_server() {
    heading "attld beside other servers"
    local attld=$BUILD/attld
    [ -x "$attld" ] || { echo "skipped: no $attld" && return 0; }
    python3 tests/bench/bench_server.py --bin "$BIN" --attld "$attld" --valkey "$(find_valkey)" \
        --rounds "$(choose 3 3 5)" --seconds "$(choose 0.4 0.8 3)" --keys "$(choose 200000 1000000 1000000)" \
        --expire-keys "$(choose 300000 2000000 2000000)" --idle-s "$(choose 5 20 60)" \
        --json "$(fresh server)"
}

part_persist() {
    heading "log, snapshots and restart beside redis-server"
    local attld=$BUILD/attld
    [ -x "$attld" ] || { echo "skipped: no $attld" && return 0; }
    python3 tests/bench/bench_persist.py --bin "$BIN" --attld "$attld" --release "${ATTL_RELEASE:-}" \
        --rounds "$(choose 2 3 5)" --seconds "$(choose 0.3 1 2)" --keys "$(choose 200000 1000000 1000000)" \
        --items "$(choose 300000 5000000 5000000)" --quiet-s "$(choose 1 5 10)" \
        --snapshot-rounds "$(choose 1 2 3)" --snapshot-modes "$(choose everysec everysec everysec,off)" \
        --restart-rounds "$(choose 2 3 5)" --json "$(fresh persist)"
}

part_tracking() {
    heading "client tracking"
    local attld=$BUILD/attld
    [ -x "$attld" ] || { echo "skipped: no $attld" && return 0; }
    python3 tests/bench/bench_tracking.py --attld "$attld" --rounds "$(choose 3 5 7)" \
        --seconds "$(choose 0.2 0.5 2)" --json "$(fresh tracking)"
}

part_observe() {
    heading "what observing costs: everything on beside everything off"
    [ -x "$BUILD/attld" ] || { echo "skipped: no $BUILD/attld" && return 0; }
    python3 tests/bench/bench_observe.py --attld "$BUILD/attld" --bin "$BIN" --rounds "$(choose 3 7 15)" \
        --seconds "$(choose 0.5 1 2)" --json "$(fresh observe)"
}

part_stampede() {
    heading "a thousand who miss one key"
    "$BIN/bench_stampede"
    [ -x "$BUILD/attld" ] || { echo "over the wire skipped: no $BUILD/attld" && return 0; }
    ATTL_BUILD_DIR=$BUILD python3 tests/bench/bench_stampede.py --rounds "$(choose 5 10 30)" \
        --json "$(fresh stampede)"
}

part_availability() {
    heading "availability under one schedule of faults, beside redis-server"
    [ -x "$BUILD/attld" ] || { echo "skipped: no $BUILD/attld" && return 0; }
    python3 tests/bench/bench_availability.py --attld "$BUILD/attld" --json "$(fresh availability)"
}

part_python() {
    heading "Python: asyncttlcache beside cachetools and a dict"
    local python=/usr/bin/python3
    [ -x "$python" ] || python=python3
    [ -e "$BUILD/python/asyncttlcache/_attl.abi3.so" ] || { echo "skipped: no package" && return 0; }
    PYTHONPATH=$BUILD/python "$python" tests/bench/bench_python.py --rounds "$(choose 3 5 7)" \
        --operations "$(choose 50000 200000 500000)" --json "$(fresh python)"
}

echo "AsyncTTLCache benchmarks ($SIZE), $(uname -sr), $(nproc) cores, $(grep -m1 '^model name' /proc/cpuinfo | cut -d: -f2-),"
echo "transparent huge pages $(cat /sys/kernel/mm/transparent_hugepage/enabled 2>/dev/null || echo unknown), load $(cut -d' ' -f1-3 /proc/loadavg)"
started=$SECONDS
for part in $PARTS; do
    case " $PARTS_ALL " in
    *" $part "*) "part_$part" ;;
    *) echo "there is no part called $part" >&2 && exit 64 ;;
    esac
done
printf '\nfinished in %d s; JSON lines in %s/*.jsonl\n' $((SECONDS - started)) "$BIN"
