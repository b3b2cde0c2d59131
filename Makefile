# What one types to run, test and measure Hutong. `make` alone lists it. Only Rust is needed; `make setup`, which the
# others call where they need it, installs the rest.

.DEFAULT_GOAL := help
.PHONY: simulate help setup up test crash-images fuzz format lint bench golden test-compose test-k8s test-stock

CARGO ?= cargo
# Options for `hutong up` and `hutong bench`: make up UP="--data city", make bench BENCH_SECONDS=30
UP ?=
BENCH_SECONDS ?= 10
# Seeds of `make simulate`, and the first of them.
SEEDS ?= 200
FROM ?= 0
# How much to try: make crash-images IMAGES=5000, make fuzz SECONDS=600
IMAGES ?= 2000
SECONDS ?= 300
BENCH = $(CARGO) run --release --quiet -p hutong -- bench --json --seconds $(BENCH_SECONDS)

help: ## List what can be made
	@awk 'BEGIN { FS = ":.*## " } /^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what the tests need beside Rust: a C compiler and nats-server
	@scripts/setup

up: ## Run a city with four agencies in one process and load the bundled property sales
	@scripts/setup compiler
	$(CARGO) run --release -p hutong -- up --demo $(UP)

test: setup ## Run all tests, on the embedded bus and on a real nats-server
	$(CARGO) test --workspace --locked --no-fail-fast

crash-images: ## Cut the power of a storage at any call, IMAGES times, and look for what it had let out
	IMAGES=$(IMAGES) $(CARGO) test -p hutong-storage --test crash_images -- --nocapture

fuzz: ## Give hostile bytes to every decoder, and hostile requests to a city, for SECONDS each
	FUZZ_SECONDS=$(SECONDS) $(CARGO) test -p hutong-test-fuzz -- --nocapture

format: ## Format all code
	$(CARGO) fmt --all

lint: ## Check format, lints, and what dependencies are allowed (where cargo-deny is installed)
	@scripts/setup compiler
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny check; \
	else echo "cargo-deny is not installed: deny.toml was not checked"; fi

simulate: ## Run cities with faults by seed: SEEDS=200 of them, FROM=0 on
	$(CARGO) run --release --quiet -p hutong-simulation --example simulate -- $(SEEDS) $(FROM)

test-compose: ## Prove docker-compose.yml where a Docker engine runs: load, kill, cut off, check (needs no registry)
	@scripts/test-compose

test-k8s: ## Render k8s/ and check it against the schemas of several versions of Kubernetes
	@scripts/test-k8s

test-stock: ## Follow an agency's changes with stock software: nats-py, the CloudEvents SDK, Standard Webhooks
	@scripts/test-stock

bench: ## Measure this machine: bulk over the bus, singles over HTTP, four agencies
	@scripts/setup compiler
	$(BENCH) --agencies 1 --via bus --batch 100
	$(BENCH) --agencies 1 --via http --clients 128 --batch 1
	$(BENCH) --agencies 4 --via bus --batch 100

golden: ## Write golden bytes of forms, and the data folder of a release, that have none yet; those that exist are never changed
	HUTONG_GOLDEN=write $(CARGO) test -p hutong-test-golden
	HUTONG_GOLDEN=write $(CARGO) test -p hutong-test-end-to-end --test disclosure folders
