# SPDX-License-Identifier: BSD-2-Clause
# The habitual targets; CMake does the work. `make check` is what to run before each commit.
PRESET ?= release
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60
SOURCES = $(shell find include src tests examples -name '*.[ch]' -o -name '*.cpp')

all:
	cmake --preset $(PRESET) -DATTL_TESTS=ON
	cmake --build --preset $(PRESET) -j $(JOBS)

check: all
	ctest --preset $(PRESET) -j $(JOBS)

debug asan tsan:
	$(MAKE) check PRESET=$@

# Each target for FUZZ_SECONDS, starting from the corpus in the tree; what is new stays in build-fuzz/.
fuzz:
	cmake --preset fuzz
	cmake --build --preset fuzz -j $(JOBS)
	set -e; for target in build-fuzz/tests/fuzz_*; do \
	    name=$${target##*/fuzz_}; mkdir -p build-fuzz/found/$$name; \
	    $$target -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=build-fuzz/found/ \
	        build-fuzz/found/$$name tests/fuzz/corpus/$$name; \
	done

# docs/config.md from the table of options, and the formats' pages from their sources.
docs: all
	/usr/bin/python3 tools/gen_docs.py build/attld

bench:
	scripts/bench

tidy:
	/usr/bin/python3 tools/tidy.py

format:
	clang-format-14 -i $(SOURCES)

install: all
	cmake --install build

clean:
	rm -rf build build-debug build-asan build-tsan build-fuzz build-bench

.PHONY: all check debug asan tsan fuzz docs bench tidy format install clean
