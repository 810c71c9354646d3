# rnncell, from a fresh clone on Debian 12:
#
#   make demo      build everything, then search for a cell on real text and compare it
#   make test      build everything, then run every test: Swift, C, Python, the release library
#
#   make lib       the library: build/lib/librnncell.so.1
#   make python    .venv with NumPy and the rnncell package
#   make test-swift, test-c, test-python, test-release      one kind of test
#   make test-peers  what PyTorch says of our exports to it (installs it into .venv-bench)
#   make install   header, library, rnncell.pc, CMake config and modulemap under PREFIX=/usr/local
#   make wheel     build/wheel/rnncell-*.whl
#   make bench     our speed beside PyTorch, JAX and onnxruntime (installs them into .venv-bench);
#                  BENCH='--quick --cell gru' passes options to `rnncell bench`
#   make evidence DATA=folder  all that the README says of searches, on the Penn Treebank files: hours,
#                  in units of minutes whose rows Tests/Evidence keeps
#   make golden    the reference numbers of Tests/Golden, made anew with PyTorch
#   make fuzz      FUZZ_SECONDS=60 of garbled input to every parser of the library
#   make lint      the formatter's opinion
#   make clean     removes what make made
#
# A second run of a target builds nothing that is there already.

SHELL  := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
CC     ?= cc
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
SEED ?= 1
JOBS   ?= $(shell nproc)
VERSION := $(shell awk '/define RNNCELL_VERSION_(MAJOR|MINOR|PATCH)/ {printf s $$3; s = "."}' Include/rnncell.h)

LIB     := build/lib/librnncell.so.$(VERSION)
VENV    := .venv/installed
SOURCES := Package.swift $(shell find Sources Include -type f)
BINDING := $(shell find Bindings/Python -type f -not -path '*/build/*' -not -name '*.so*' \
             -not -path '*.egg-info/*' -not -path '*/__pycache__/*' 2>/dev/null)

.PHONY: help demo test test-swift test-c test-python test-release test-peers lib python install wheel bench \
        evidence golden fuzz lint clean check check-test
help:
	@sed -n '/^#   make/s/^# //p' Makefile

# MARK: What is built

lib: $(LIB)
$(LIB): $(SOURCES) | check
	swift build -c release -Xswiftc -static-stdlib --product rnncell --jobs $(JOBS)
	mkdir -p build/lib
	strip -o $@ .build/release/librnncell.so
	ln -sf $(@F) build/lib/librnncell.so.1
	ln -sf $(@F) build/lib/librnncell.so

python: $(VENV)
.venv/ready: | check
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet numpy 'setuptools>=77' wheel
	touch $@
.venv/tests: .venv/ready
	.venv/bin/pip install --quiet distributed jax onnx onnxruntime pytest scikit-learn tensorboardX
	touch $@
$(VENV): $(LIB) $(BINDING) .venv/ready
	.venv/bin/pip install --quiet --no-build-isolation --no-deps --force-reinstall ./Bindings/Python
	touch $@

wheel: $(VENV)
	mkdir -p build/wheel
	.venv/bin/pip wheel --quiet --no-build-isolation --no-deps -w build/wheel ./Bindings/Python
	@ls build/wheel/*.whl

install: $(LIB)
	Bindings/C/install.sh "$(PREFIX)" "$(VERSION)" "$(LIB)"

# MARK: What is run

demo: $(VENV)
	.venv/bin/rnncell demo $(DEMO)

test: test-swift test-c test-release test-python
	@echo 'make test: every test passed'

test-swift: | check
	swift test -c release --scratch-path .build-test --jobs $(JOBS)

test-c: $(LIB) | check-test
	Tests/C/run build/lib Include

test-release: $(LIB) | check-test
	Tests/Release/check.sh

test-python: $(VENV) .venv/tests
	.venv/bin/python -m pytest -q Tests/Python --ignore Tests/Python/test_exports.py
	# Apart, as JAX has threads of its own, which the forks of other tests would meet.
	.venv/bin/python -m pytest -q Tests/Python/test_exports.py

.venv-bench/installed: $(LIB) $(BINDING)
	test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	.venv-bench/bin/pip install --quiet numpy torch jax onnxruntime onnx pytest 'setuptools>=77' wheel
	.venv-bench/bin/pip install --quiet --no-build-isolation --no-deps --force-reinstall ./Bindings/Python
	touch $@

test-peers: .venv-bench/installed
	.venv-bench/bin/python -m pytest -q Tests/Peers

bench: .venv-bench/installed
	.venv-bench/bin/rnncell bench $(BENCH)

evidence: $(VENV)
	.venv/bin/python Tests/Evidence/run.py '$(DATA)' $(EVIDENCE)
	.venv/bin/python Tests/Evidence/tables.py

golden:
	test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	.venv-bench/bin/pip install --quiet numpy torch
	.venv-bench/bin/python Tests/Golden/make_torch_golden.py
	.venv-bench/bin/python Tests/Golden/make_training_golden.py

fuzz: $(LIB)
	mkdir -p build/fuzz
	$(CC) -std=c99 -O1 -g -Wall -Wextra -Werror -IInclude Tests/C/fuzz.c -o build/fuzz/fuzz \
	  build/lib/librnncell.so.1 -Wl,-rpath,$(CURDIR)/build/lib
	cd build/fuzz && ./fuzz $(SEED) $(FUZZ_SECONDS)

lint:
	swift format lint --strict --recursive Package.swift Sources Tests

clean:
	rm -rf build .build .build-test .venv .venv-bench
	find Bindings Tests -name __pycache__ -type d -exec rm -rf {} +
	rm -rf Bindings/Python/build Bindings/Python/*.egg-info

# MARK: What is needed

check:
	@.ci/requirements $(PYTHON)
check-test: check
	@.ci/requirements $(PYTHON) test
