# `make test` passes on a fresh machine with Rust: it installs what the tests need (Debian packages with apt-get, Python
# packages into target/) and runs them all. `make lint` is what CI asks beside the tests.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.PHONY: test test-rust test-clients test-tools lint bench docs

test: test-tools test-rust test-clients

# Everything in Rust: units, properties, golden queries, simulated crashes.
test-rust:
	cargo build --locked
	cargo test --locked --workspace

# Real clients against a real server: the OpenTelemetry SDK, prometheus_client, structlog, curl, the node exporter; killed under load.
test-clients: test-tools
	cargo build --locked
	target/test-venv/bin/python -m pytest -q tests/clients

test-tools:
	tests/install-tools

lint:
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo xtask layers
	cargo xtask tidy
	command -v cargo-deny >/dev/null || cargo install --locked cargo-deny@0.20.2
	cargo deny --offline check bans licenses sources

# Writes the documents that are generated from the code; CI fails when they differ from what is committed.
docs:
	cargo run --quiet -- docs configuration > docs/configuration.md
	cargo run --quiet -- docs openapi > web/openapi.json
	@echo "if the API changed: npm run types in web/ makes the types of the web page from web/openapi.json"

bench:
	cargo build --release --locked
	cargo bench --locked --package clew-testkit
