## make demo      install what is missing, build a release and run the flights example
## make test      install what is missing and run every test of every language, under the sanitizers too
## make bench     build a release and measure latencies, and actors beside those of CAF
## make cross     build for AArch64 and macOS, and run the tests of the former under qemu-user
## make release   build a release of everything, in build/release
## make deps      install what is missing (Debian; elsewhere: say what is needed)
## make format    format every C and C++ file
## make clean     remove everything that was built

# One step after the other: each stands on the one before.
.NOTPARALLEL:
.PHONY: help deps venv demo test bench cross release format clean

# Python peers run in the interpreter that has the ringmail package.
export PATH := $(CURDIR)/build/venv/bin:$(PATH)

help:
	@sed -n 's/^## //p' Makefile

deps:
	@scripts/deps

venv: deps
	@scripts/venv

demo: venv
	cmake --preset release
	cmake --build --preset release --target flights
	build/release/examples/flights/flights

# Of the release only what is shown is built: code without assertions. Of the foreign systems only transport, which has most of
# what differs there, and for macOS one program with it; `make cross` has the rest. Of the fuzz preset only the fuzzers, each of
# which searches for 10 seconds. Development tests run last, so that the last line is ctest's about the run that has the tests of
# all languages.
test: venv
	cmake --preset release && cmake --build --preset release --target flights
	for preset in dev asan tsan; do cmake --preset $$preset && cmake --build --preset $$preset || exit; done
	cmake --preset fuzz && cmake --build --preset fuzz --target fuzzers
	scripts/sysroot aarch64 && cmake --preset aarch64 && cmake --build --preset aarch64 --target tests/transport/all
	scripts/zig && cmake --preset macos-transport && cmake --build --preset macos-transport --target transport.echo_peer
	ctest --preset aarch64 -R '^transport[.]'
	for preset in asan tsan; do ctest --preset $$preset || exit; done
	ctest --preset fuzz --tests-regex '^fuzz\.'
	ctest --preset dev

bench: venv
	cmake --preset release
	cmake --build --preset release --target latency bench_actors
	build/release/bench/latency
	build/release/bench/actors

cross: deps
	scripts/sysroot aarch64
	cmake --preset aarch64 && cmake --build --preset aarch64
	scripts/zig && scripts/sysroot macos
	cmake --preset macos && cmake --build --preset macos --target tests/transport/all runtime/all actors/all
	ctest --preset aarch64

release: deps
	cmake --preset release
	cmake --build --preset release

format:
	git ls-files -z '*.c' '*.h' '*.cpp' '*.hpp' | xargs -0 $$(command -v clang-format-19 || echo clang-format) -i

clean:
	rm -rf build bindings/python/build bindings/python/*.egg-info bindings/python/src/*.egg-info
	rm -rf bindings/node/build bindings/node/node_modules
