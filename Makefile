# Thin wrappers over CMake. On a bare Debian 12, each target first installs what it lacks
# (tools/setup.sh; SETUP=true goes without).
SETUP ?= tools/setup.sh
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 10

sources = $(shell git ls-files '*.cc' '*.h')

.PHONY: build test demo asan fuzz bench-cpu format lint install

build:
	$(SETUP) build
	cmake --preset release -DDRYPOINT_TESTS=OFF
	cmake --build --preset release

test:
	$(SETUP) test
	cmake --preset release -DDRYPOINT_TESTS=ON
	cmake --build --preset release
	ctest --test-dir build/release --output-on-failure

demo: build
	build/release/apps/cli/drypoint generate -i models/demo/examples/ladybug.png \
	  -p "a red ladybug on a yellow background" --seed 1 -o build/demo.png

asan:
	$(SETUP) test
	cmake --preset asan
	cmake --build --preset asan
	ctest --test-dir build/asan --output-on-failure

fuzz:
	$(SETUP) fuzz
	cmake --preset fuzz
	cmake --build --preset fuzz --target tests/fuzz/all
	tools/fuzz.sh $(FUZZ_SECONDS)

bench-cpu: build
	$(SETUP) bench
	cmake --preset release -DDRYPOINT_BENCH=ON
	cmake --build --preset release --target bench_step
	bench/cpu.sh

format:
	$(SETUP) lint
	clang-format -i $(sources)

lint:
	$(SETUP) lint
	clang-format --dry-run -Werror $(sources)
	cmake --preset release -DDRYPOINT_TESTS=ON
	run-clang-tidy -quiet -p build/release "$(CURDIR)/(src|apps)/.*(?<!_test)\.cc$$"

install: build
	cmake --install build/release --prefix $(PREFIX)
