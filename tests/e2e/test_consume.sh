#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What a user of the library does: install into a folder, move the folder, and build the examples
# through pkg-config (shared and static) and through find_package, in C and in C++.
set -euo pipefail
build=${ATTL_BUILD_DIR:?} source=${ATTL_SOURCE_DIR:?}
if [ ! -e "$build/libattl.so" ]; then
    echo "libattl.so has not been built"
    exit 1
fi
if grep -q '^ATTL_SANITIZE:STRING=..*' "$build/CMakeCache.txt"; then
    echo "a sanitizer's library cannot be linked with a plain program"
    exit 77
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/first" >"$work/install.log" || {
    cat "$work/install.log"
    exit 1
}
mv "$work/first" "$work/prefix"
libdir=$(dirname "$(find "$work/prefix" -name libattl.so)")
export PKG_CONFIG_PATH=$libdir/pkgconfig
read -ra flags <<<"-std=c11 -Wall -Wextra -Wpedantic -Werror"
read -ra shared <<<"$(pkg-config --cflags --libs attl)"

# expect NAME STATUS TEXT [ARGUMENT]: the program prints TEXT and ends with STATUS.
expect() {
    local name=$1 status=$2 text=$3 output got=0
    shift 3
    output=$(LD_LIBRARY_PATH=$libdir "$work/$name" "$@") || got=$?
    if [ "$got" -ne "$status" ] || [[ $output != *"$text"* ]]; then
        printf '%s ended with %d, expected %d and "%s"; it printed:\n%s\n' \
            "$name" "$got" "$status" "$text" "$output"
        exit 1
    fi
    echo "ok: $name"
}

for example in embed_min embed_batch; do
    cc "${flags[@]}" "$source/examples/$example.c" -o "$work/$example" "${shared[@]}"
done
expect embed_min 0 "hello, for ten seconds"
expect embed_batch 0 "1000 entries"

# The header is C++ as well. g++ takes neither C's compound literals nor its order of designators,
# so only the small example is compiled as C++.
c++ -std=c++17 -Wall -Wextra -Werror -x c++ "$source/examples/embed_min.c" -o "$work/embed_cxx" "${shared[@]}"
expect embed_cxx 0 "hello, for ten seconds"

# Linked statically, next to functions of the program's own that are named as internal ones of ours.
cat >"$work/clash.c" <<'C'
int buf_append(void);
int buf_append(void) { return 0; }
int num_parse_i64(void);
int num_parse_i64(void) { return 0; }
C
read -ra static <<<"$(pkg-config --static --libs attl | sed "s|-lattl\b|$libdir/libattl.a|")"
read -ra cflags <<<"$(pkg-config --cflags attl)"
cc "${cflags[@]}" "$source/examples/embed_min.c" "$work/clash.c" -o "$work/embed_static" "${static[@]}"
expect embed_static 0 "hello, for ten seconds"
if ldd "$work/embed_static" | grep -q libattl; then
    echo "embed_static is not static"
    exit 1
fi

# settings.toml, where toml++ was there at build time.
toml_target=''
if [ -e "$libdir/libattl-toml.so" ]; then
    toml_target=attl::toml
    cat >"$work/load.c" <<'C'
#include <attl/attl.h>
#include <stdio.h>
int main(int argc, char **argv) {
    char text[256] = "";
    attl_config *config = attl_config_new();
    int status = attl_config_load(config, argv[argc - 1], text, sizeof(text));
    if (status == ATTL_OK)
        status = attl_config_get(config, "cache.max_memory", text, sizeof(text));
    printf("%s: %s\n", attl_err_name(status), text);
    attl_config_free(config);
    return status != ATTL_OK;
}
C
    printf '[cache]\nmax_memory = "3MiB"\n' >"$work/settings.toml"
    printf '[cache]\nmax_memroy = "3MiB"\n' >"$work/wrong.toml"
    read -ra toml <<<"$(pkg-config --cflags --libs attl-toml)"
    cc "${flags[@]}" "$work/load.c" -o "$work/load" "${toml[@]}"
    expect load 0 "ATTL_OK: 3" "$work/settings.toml"
    expect load 1 "wrong.toml:2" "$work/wrong.toml"
fi

mkdir "$work/project"
cp "$source/examples/embed_min.c" "$work/project/"
cat >"$work/project/CMakeLists.txt" <<'C'
cmake_minimum_required(VERSION 3.22)
project(consumer C)
find_package(attl 0.1 REQUIRED)
add_executable(embed_cmake embed_min.c)
target_link_libraries(embed_cmake attl::attl ${ALSO})
set_target_properties(embed_cmake PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_SOURCE_DIR}/..)
C
{
    cmake -G Ninja -S "$work/project" -B "$work/project/build" "-DCMAKE_PREFIX_PATH=$work/prefix" \
        "-DALSO=$toml_target"
    cmake --build "$work/project/build"
} >"$work/cmake.log" || {
    cat "$work/cmake.log"
    exit 1
}
expect embed_cmake 0 "hello, for ten seconds"
