# Every target does its own set-up. `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help setup wasm test lint
toolchain := tests/toolchain

# The Envoy that `make setup` chose.
with_envoy := ENVOY_BIN='$(CURDIR)/target/tools/envoy'

help: ## Show this list
	@echo 'Targets:'
	@sed -n 's/^\([a-z]*\):.*## /\1 /p' Makefile | while read -r name what; do printf '  %-8s %s\n' "$$name" "$$what"; done
	@echo
	@echo 'Environment variables:'
	@sed -n 's/^#: //p' Makefile

setup: ## Find or install the wasm target, Envoy and wasm-opt (the other targets call it)
	@$(toolchain)/setup.sh

wasm: setup ## Build the filter: target/latchkey.wasm
	@$(toolchain)/build-wasm.sh

test: wasm ## Run every test: the core by itself, and the built module in a real Envoy with the real store
	@cargo build --workspace --bins --locked
	@$(with_envoy) cargo test --workspace --locked

lint: setup ## Check formatting, lints, dependencies, scripts and spelling
	@$(toolchain)/lint.sh

#:   ENVOY_BIN                a certain Envoy (else: envoy on PATH, else the packaged 1.40.0)
#:   LATCHKEY_WASM_TOOLCHAIN  rustup or debian (else: whichever is there or can be had)
