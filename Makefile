# `make demo` and `make test` are all that a machine with a Swift toolchain needs.
# ARGS adds arguments: make bench ARGS="kernels --threads 1", make test ARGS="--filter Matrix".

export SWIFT ?= swift
ARGS ?=

# How release builds are made. Scripts read the same file: with other options everything would be
# compiled anew.
RELEASE := $(shell cat Scripts/release-options)
BIN = $$($(SWIFT) build $(RELEASE) --show-bin-path)

# What `meprop --version` says; Package.swift reads it.
export MEPROP_COMMIT := $(shell git describe --always --exclude='*' --abbrev=7 --dirty=+ 2>/dev/null)

# Where `make install` puts things. DESTDIR goes before all of it, for packages of distributions.
PREFIX ?= /usr/local
DESTDIR ?=
INSTALLED = $(DESTDIR)$(PREFIX)
INSTALLED_FILES = bin/meprop share/man/man1/meprop.1 \
  share/bash-completion/completions/meprop share/zsh/site-functions/_meprop \
  share/fish/vendor_completions.d/meprop.fish

# Debug builds check overflow and invariants in Swift, but leave the C kernels unoptimised, so only
# the modules that lean on those checks are tested that way as well. MEPROP_ONLY_LAYERS leaves all
# others out of the package.
DEBUG_TESTS = MEPROP_ONLY_LAYERS=1 $(SWIFT) test --skip '$(SLOW_IN_DEBUG)'
# The references of convolution, and all combinations of shards and processes, take minutes without
# optimization.
SLOW_IN_DEBUG = ConvolutionTests|ImageAllocationTests|ImageGoldenTests|ShardingTests

# Whole training steps are tested with slower instruction sets too, as far as the processor has
# them; kernels are tested with all that it has anyway.
SIMD = portable $(if $(shell grep -m1 -wo avx2 /proc/cpuinfo 2>/dev/null),avx2)

.PHONY: help deps build demo test format lint bench docs check-docs install uninstall fuzz \
  crash-test sanitize test-long wheel test-python test-c mpi demo-mpi test-mpi

help:
	@echo "make demo        install what is missing, build, compare dense and sparse training"
	@echo "make build       install what is missing, build the program in release"
	@echo "make test        install what is missing, run all tests in release, core and layers in debug"
	@echo "make install     build, and install into PREFIX=$(PREFIX): program, manual, completions"
	@echo "make uninstall   remove what make install installed"
	@echo "make format      format the Swift files"
	@echo "make lint        check their format, lengths of lines, and the C kernels for warnings"
	@echo "make docs        build the documentation as a site, and check its links"
	@echo "make check-docs  check examples, commands and links in the documents"
	@echo "make bench       build in release and run 'meprop bench'"
	@echo "make fuzz        feed every reader of files with made-up bytes, SECONDS=n each (60)"
	@echo "make crash-test  kill runs, let their files fail, compare bit for bit; POINTS=n of each (20)"
	@echo "make sanitize    run checks and tests under the sanitizers; ARGS=--short as CI does"
	@echo "make test-long   10 million rows, 100,000 checkpoints, 1,000 runs at once: hours"
	@echo "make demo-mpi    install Open MPI, build with it, train digits in two processes"
	@echo "make test-mpi    compare runs of 1 to 4 processes bit for bit; KILLS=n of a process (12)"
	@echo "make wheel       build a Python wheel for this machine, which needs no Swift to run"
	@echo "make test-python build it, install it into fresh environments, test it there"
	@echo "make test-c      build its library, call it from C under AddressSanitizer"
	@echo "make deps        install the system libraries and Fashion-MNIST"

deps:
	@Scripts/install-deps.sh

build: deps
	$(SWIFT) build $(RELEASE) --product meprop

demo: build
	"$(BIN)/meprop" demo $(ARGS)

test:
	@Scripts/install-deps.sh --tests
	@python="$$(Scripts/python-env.sh)"; \
	if [ -n "$$python" ]; then export MEPROP_PYTHON="$$python"; fi; \
	set -ex; \
	$(SWIFT) test $(RELEASE) --disable-testable-imports $(ARGS); \
	$(if $(ARGS),,for simd in $(SIMD); do \
	  MEPROP_SIMD=$$simd $(SWIFT) test $(RELEASE) --disable-testable-imports --skip-build \
	    --filter MePropNNTests --skip ShardingTests; \
	done;) \
	$(if $(ARGS),$(SWIFT) test $(ARGS),$(DEBUG_TESTS))

format:
	Scripts/format.sh

lint:
	Scripts/format.sh --lint
	clang -std=c11 -Wall -Wextra -Werror -fsyntax-only -I Sources/CMePropKernels/include \
	  Sources/CMePropKernels/*.c

bench: build
	"$(BIN)/meprop" bench $(ARGS)

docs: deps
	Scripts/documentation.sh

check-docs: build
	Scripts/check-documents.sh "$(BIN)/meprop"

fuzz: deps
	Scripts/fuzz.sh $(or $(SECONDS),60)

crash-test: build
	Scripts/crash-test/crash-test.py --points $(or $(POINTS),20)

sanitize: deps
	Scripts/sanitize.sh $(ARGS)

test-long: build
	Scripts/long-test.py $(ARGS)

# A build with MPI has a folder of its own, because its package has other targets.
MPI_BUILD = MEPROP_MPI=1 $(SWIFT) build $(RELEASE) --product meprop --scratch-path .build-mpi
MPI_BIN = "$$($(MPI_BUILD) --show-bin-path)/meprop"

mpi:
	@Scripts/install-deps.sh --mpi
	$(MPI_BUILD)

demo-mpi: mpi
	OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
	  mpirun --oversubscribe -n 2 $(MPI_BIN) train digits --epochs 2 --threads 1 $(ARGS)

test-mpi: mpi
	MEPROP=$(MPI_BIN) Scripts/test-mpi.sh $(or $(KILLS),12)

wheel:
	@Scripts/install-deps.sh --libraries
	@Scripts/build-wheel.sh

test-python:
	@Scripts/install-deps.sh --libraries
	@Scripts/test-python.sh "" $(ARGS)

test-c: wheel
	@Scripts/test-c.sh

install:
	@Scripts/install-deps.sh --libraries
	@set -e; \
	program="$$(Scripts/static-build.sh meprop)/meprop"; \
	to="$(INSTALLED)"; \
	mkdir -p $(foreach file,$(INSTALLED_FILES),"$$to/$(dir $(file))"); \
	install -m 755 "$$program" "$$to/bin/meprop"; \
	"$$program" --generate-manual > "$$to/share/man/man1/meprop.1"; \
	"$$program" --generate-completion-script bash \
	  > "$$to/share/bash-completion/completions/meprop"; \
	"$$program" --generate-completion-script zsh > "$$to/share/zsh/site-functions/_meprop"; \
	"$$program" --generate-completion-script fish \
	  > "$$to/share/fish/vendor_completions.d/meprop.fish"; \
	echo "installed $$("$$program" --version) as $$to/bin/meprop"

uninstall:
	rm -f $(foreach file,$(INSTALLED_FILES),"$(INSTALLED)/$(file)")
