# Hutong: what one types. `make` alone lists the targets.
SHELL := /bin/bash
CARGO ?= cargo
DATA ?= ./data

.DEFAULT_GOAL := help
.PHONY: help up test setup bench lint

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

up: toolchain ## Run the whole city in one process, load the bundled property sales, and go on
	$(CARGO) run --release -p hutong -- up --demo --data $(DATA)

test: setup ## Run all tests, on the embedded bus and on a real nats-server
	$(CARGO) test --workspace

setup: toolchain ## Install what the tests need and the machine lacks
	@scripts/install-nats.sh

.PHONY: toolchain
toolchain:
	@scripts/install-toolchain.sh

bench: toolchain ## Measure this machine
	$(CARGO) build --release -p hutong
	target/release/hutong bench --agencies 1 --via bus --batch 100
	target/release/hutong bench --agencies 1 --via http --clients 128
	target/release/hutong bench --agencies 1 --via http --clients 128 --rate 300

lint: ## Check formatting, lints and dependencies
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny check; \
	else echo "cargo-deny is not installed; licences and advisories were not checked (cargo install cargo-deny)"; fi
