# Every target does its own set-up. `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help setup wasm store check-lookup run test test-clients bench bench-store fuzz lint release programs postgres schemathesis clients deploytools test-faults test-matrix soak trap mutants
toolchain := tests/toolchain

# One place for everything that is built, whatever the caller's own cargo uses.
export CARGO_TARGET_DIR := $(CURDIR)/target

MINUTES ?= 1

# The Envoy that `make setup` chose.
with_envoy := ENVOY_BIN='$(CURDIR)/target/tools/envoy'

help: ## Show this list
	@echo 'Targets:'
	@sed -n 's/^\([a-z-]*\):.*## /\1 /p' Makefile | while read -r name what; do printf '  %-13s %s\n' "$$name" "$$what"; done
	@echo
	@echo 'Environment variables:'
	@sed -n 's/^#: //p' Makefile

run: wasm programs ## Start everything on 127.0.0.1 with a demo customer, and print what to try; Ctrl-C stops it
	@$(with_envoy) exec target/debug/demo

test: wasm postgres schemathesis clients deploytools ## Run every test: the core by itself, and the built module in a real Envoy with the real store
	@$(with_envoy) $(toolchain)/test.sh

test-clients: wasm programs clients ## Run the OAuth clients that customers use; CLIENT=openid-client runs one
	@$(with_envoy) cargo test --workspace --locked --test clients

bench: wasm ## Measure what the filter costs, beside others in the same Envoy, then the store; BENCH_ARGS=--quick takes two minutes
	@$(toolchain)/build-bench.sh
	@cargo build --locked --release --package latchkey-bench --package latchkey-store
	@$(with_envoy) LATCHKEY_STORE_BIN=target/release/latchkey-store target/release/bench $(BENCH_ARGS)
	@$(MAKE) --no-print-directory bench-store

bench-store: postgres ## The store part: a million customers in SQLite and in PostgreSQL, looked up at random
	@cargo bench --locked --package latchkey-store --bench store -- $(filter --quick,$(BENCH_ARGS)) $(BENCH_STORE_ARGS)

fuzz: ## Try the core with millions of made-up inputs, a minute a target; needs a C++ compiler
	@$(toolchain)/fuzz.sh

test-faults: wasm programs trap ## Put every fault that was thought of to the real Envoy, and see what becomes of it
	@$(with_envoy) target/debug/faults $(FAULTS)
	@$(toolchain)/report.sh faults 'make test-faults' $(if $(FAULTS),partial,complete) <target/reliability/faults.table

mutants: ## Break the core in every small way, and see that its tests notice (some ten minutes)
	@$(toolchain)/mutants.sh

soak: wasm programs ## A steady load of every kind for MINUTES (1): no wrong answer, no more memory, counters that add up
	@$(with_envoy) LATCHKEY_SOAK_MINUTES='$(MINUTES)' cargo test --locked --package latchkey-tests --test soak -- --nocapture
	@$(toolchain)/report.sh soak 'make soak MINUTES=$(MINUTES)' \
	    "$$([ '$(MINUTES)' -ge 30 ] && echo complete || echo partial)" <target/reliability/soak.table

test-matrix: wasm programs postgres schemathesis deploytools ## Run the tests of the whole system on every Envoy that is supported
	@$(toolchain)/matrix.sh

trap: setup
	@$(toolchain)/build-trap.sh

lint: setup ## Check formatting, lints, dependencies, scripts and spelling
	@$(toolchain)/lint.sh

release: wasm ## Write what a release holds to dist/: filter, store, images, manifests, bills of materials, digests
	@$(toolchain)/release.sh

wasm: setup ## Build the filter: target/latchkey.wasm
	@$(toolchain)/build-wasm.sh

store: programs ## Build the credential store: target/debug/latchkey-store

check-lookup: programs ## Check a lookup service of your own against the contract: URL=…/{client_id} CLIENT=… [RECORD=] [HEADER=]
	@target/debug/check-lookup --url '$(URL)' --client '$(CLIENT)' --record '$(RECORD)' $(if $(HEADER),--header '$(HEADER)')

# All in one go: crates are then compiled with the same features, and so only once.
programs:
	@cargo build --locked --package latchkey-store --package latchkey-tests --bins

postgres: setup
	@$(toolchain)/postgres.sh

schemathesis: setup
	@$(toolchain)/schemathesis.sh

clients: setup
	@$(toolchain)/clients.sh

deploytools: setup
	@$(toolchain)/deploy.sh

setup: ## Find or install the wasm target, Envoy and wasm-opt (the other targets call it)
	@$(toolchain)/setup.sh

#:   LATCHKEY_PORT            where `make run` takes requests (10000)
#:   LATCHKEY_ADMIN_PORT      Envoy's admin interface in `make run` (9901)
#:   LATCHKEY_VAR             the folder for the demo's database, secrets and logs (var)
#:   ENVOY_BIN                a certain Envoy (else: envoy on PATH, else the packaged 1.40.0)
#:   LATCHKEY_WASM            a certain filter module, for run and test (target/latchkey.wasm)
#:   LATCHKEY_STORE_BIN       a certain credential store, for run and test (target/debug/latchkey-store)
#:   POSTGRES_BIN             the folder of a certain PostgreSQL's programs, for test (else: the newest of Debian's)
#:   CLIENT                   the one client that test-clients runs (else: all; docs/clients.md lists them)
#:   FUZZ_SECONDS             how long each target runs, for fuzz (60); FUZZ_RUNS=10000000 counts executions, over several runs with both
#:   FUZZ_SEED                makes fuzz begin with the committed inputs alone, and go nearly the same way each time
#:   FUZZ_TARGETS             which of them, for fuzz (all of tests/fuzz/targets)
#:   LATCHKEY_VERSION         the version of a release (else: that of Cargo.toml)
#:   LATCHKEY_REGISTRY        the registry that a release's manifests name (registry.example.com/latchkey)
#:   PROMETHEUS_BIN           the folder of a certain Prometheus's programs, for test (else: on PATH, else Debian's)
#:   LATCHKEY_CRDS            the folder of Istio's and Envoy Gateway's CRDs, for test (else: ../*/crds; skipped if there is none)
#:   FAULTS                   which groups of faults, for test-faults (all): lookup caller http2 configuration clock trap outage restart sandbox
#:   MUTANTS_SECONDS          when to stop, for mutants (never); MUTANTS_MORE=1 then goes on
#:   MINUTES                  how long the load lasts, for soak (1)
#:   ENVOY_VERSIONS           which Envoys, for test-matrix (1.36.4 1.37.0 1.38.2 1.39.3 1.40.0)
#:   MATRIX_TESTS             which tests, for test-matrix (all of tests/system)
#:   BENCH_ARGS               arguments for bench; --help lists them
#:   BENCH_STORE_ARGS         arguments for bench-store; --help lists them
#:   LATCHKEY_WASM_TOOLCHAIN  rustup or debian (else: whichever is there or can be had)
