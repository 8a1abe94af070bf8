# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is used by the scripts that source this
#
# Shared by the scripts in this folder: which Debian packages are needed and how they get installed,
# how a build is configured and run quietly, and how test results are counted. Sourced, never run. It
# leaves the caller in the repository's root.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT" || exit 1

# To build: compilers and libraries. libtomlplusplus-dev is headers only, nothing of it is linked.
PACKAGES_BUILD=(gcc g++ libc6-dev binutils cmake ninja-build pkg-config libxxhash-dev
    libjemalloc-dev libedit-dev libtomlplusplus-dev libzstd-dev python3-dev libssl-dev libmicrohttpd-dev
    libgnutls28-dev libjansson-dev libcurl4-openssl-dev)
# The dashboard is bundled by npm, which may be there from elsewhere: Debian's package would clash with it.
if ! command -v npm >/dev/null; then
    PACKAGES_BUILD+=(nodejs npm)
fi
# To test: the framework, independent Redis clients and server, file systems and disks to break, the
# checks of the tree, and those who read our manual pages and completions (small).
PACKAGES_TEST=(libcmocka-dev redis-server redis-tools libhiredis-dev python3 python3-redis procps
    strace mount util-linux e2fsprogs xfsprogs clang-format-14 shellcheck libuv1-dev libevent-dev
    prometheus prometheus-redis-exporter openssl curl man-db mandoc zsh fish)
# The browser that the dashboard is looked at with, likewise.
if ! command -v chromium >/dev/null; then
    PACKAGES_TEST+=(chromium)
fi
# The second compiler and its sanitizers; .ci/run and the fuzz preset use it.
PACKAGES_CLANG=(clang)
# To measure: the servers and the in-process caches we are compared with.
PACKAGES_BENCH=(redis-server redis-tools memcached libglib2.0-dev libtbb-dev libcuckoo-dev liburcu-dev
    python3 python3-cachetools xz-utils zstd)

if [ -t 1 ]; then
    BOLD=$(printf '\033[1m') PLAIN=$(printf '\033[0m')
else
    BOLD='' PLAIN=''
fi

say() { printf '%s\n' "$*"; }

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# Runs a command as root: directly, or through sudo.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# Prints those of the named packages that are not installed.
missing_packages() {
    local package
    for package in "$@"; do
        if ! dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed; then
            printf '%s\n' "$package"
        fi
    done
}

# What the test of the dashboard needs from npm, by ui/package-lock.json. Without it that test is skipped.
fetch_ui_tools() {
    [ -d ui/node_modules/playwright-core ] && return 0
    command -v npm >/dev/null || return 0
    (cd ui && npm ci --ignore-scripts --no-audit --no-fund >/dev/null 2>&1) ||
        say "npm cannot fetch what the dashboard's test needs: it will be skipped"
}

# Where apt is not: say what is needed, and go on if the tools that the build starts with are there.
without_apt() {
    local tool lacking=''
    for tool in cmake ninja pkg-config cc c++; do
        command -v "$tool" >/dev/null || lacking="$lacking $tool"
    done
    [ -z "$lacking" ] && return 0
    die "this system has no apt-get, and these tools are missing:$lacking
Install them, and the libraries that Debian calls: $*
(Debian 12 is what the scripts know; the build itself is plain CMake: cmake --preset release)"
}

# Some packages bring a service that Debian starts at once and at each boot. Only their programs are
# wanted: the service is kept from starting while `apt-get install` runs, and is left disabled.
SERVICES=(redis-server memcached prometheus prometheus-redis-exporter prometheus-node-exporter)
POLICY=/usr/sbin/policy-rc.d

# apt_install PACKAGE...: as root, without starting services.
apt_install() {
    local package policy=''
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
    as_root "${apt[@]}" update || return 1
    if [ ! -e "$POLICY" ]; then
        policy=$POLICY
        as_root sh -c "printf '#!/bin/sh\nexit 101\n' >$POLICY && chmod 755 $POLICY" || return 1
    fi
    local status=0
    as_root "${apt[@]}" install -y --no-install-recommends "$@" || status=1
    [ -z "$policy" ] || as_root rm -f "$policy"
    for package in "${SERVICES[@]}"; do
        if [[ " $* " = *" $package "* ]] && command -v systemctl >/dev/null; then
            as_root systemctl disable "$package" || true # not booted with systemd: nothing to disable
        fi
    done
    return "$status"
}

# Installs the named Debian packages that are missing. Does nothing, offline too, if none is.
install_packages() {
    local missing log
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        without_apt "$@"
        return
    fi
    mapfile -t missing < <(missing_packages "$@")
    [ "${#missing[@]}" -eq 0 ] && return 0
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        die "these packages are missing, and installing them needs root (there is no sudo). Type as root:
  apt-get install ${missing[*]}"
    fi
    say "installing ${missing[*]}"
    log=$(mktemp)
    if ! apt_install "${missing[@]}" >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        die "apt-get could not install: ${missing[*]}"
    fi
    rm -f "$log"
}

# Runs a command with its output in a log; shows the log's end if the command fails.
quietly() {
    local log=$1
    shift
    if ! "$@" >"$log" 2>&1; then
        tail -n 60 "$log" >&2
        return 1
    fi
}

# build_tree PRESET DIR [cmake arguments]: configures and builds; one line of progress.
build_tree() {
    local preset=$1 dir=$2 started=$SECONDS
    shift 2
    mkdir -p "$dir"
    quietly "$dir/configure.log" cmake --preset "$preset" -B "$dir" "$@" || return 1
    if [ -t 1 ]; then
        NINJA_STATUS="building $dir [%f/%t] " ninja -C "$dir" --quiet || return 1
    else
        quietly "$dir/build.log" ninja -C "$dir" || return 1
    fi
    say "built $dir in $((SECONDS - started)) s"
}

# What came out of a build directory, with sizes.
list_products() {
    local dir=$1 file
    for file in attld attl libattl.so libattl.a libattl-toml.so \
        python/asyncttlcache/_attl.abi3.so; do
        if [ -e "$dir/$file" ]; then
            printf '  %-40s %7s KiB\n' "$dir/$file" "$(($(stat -L -c %s "$dir/$file") / 1024))"
        fi
    done
}

# Results of all runs so far.
PASSED=0 FAILED=0 SKIPPED=0

# count_results DIR: adds what the last run in DIR gave to PASSED, FAILED and SKIPPED. Only a test that
# said so itself was skipped; one whose program is missing has failed. (Output of tests is escaped in
# the file, so that it cannot be mistaken for a result.)
count_results() {
    local junit=$1/results.xml total passed skipped
    if [ ! -s "$junit" ]; then
        FAILED=$((FAILED + 1)) # not built, or ctest itself could not run
        return 0
    fi
    total=$(grep -c '<testcase ' "$junit" || true)
    passed=$(grep -c '<testcase .* status="run">' "$junit" || true)
    skipped=$(grep -c -e '<skipped message="SKIP_' -e '<testcase .* status="disabled"' "$junit" || true)
    PASSED=$((PASSED + passed))
    SKIPPED=$((SKIPPED + skipped))
    FAILED=$((FAILED + total - passed - skipped))
}

# run_tests DIR [ctest arguments]: runs the tests of a build and counts them. The status is 0 even if
# tests failed: report() decides.
run_tests() {
    local dir=$1
    shift
    rm -f "$dir/results.xml"
    ctest --test-dir "$dir" --output-on-failure --no-tests=error --parallel "$(nproc)" \
        --output-junit "$PWD/$dir/results.xml" "$@" || true
    count_results "$dir"
}

# The line that says it all; the exit status is that of the run.
report() {
    printf '%d passed, %d failed, %d skipped\n' "$PASSED" "$FAILED" "$SKIPPED"
    [ "$FAILED" -eq 0 ] && [ "$PASSED" -gt 0 ]
}
