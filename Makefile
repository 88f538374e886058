# `make test` passes on a fresh machine with Rust: it installs what the tests need (Debian packages with apt-get, Python
# packages into target/, npm packages into web/node_modules) and runs them all. `make lint` is what CI asks beside the tests.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.PHONY: test program test-rust test-clients test-web test-image test-tools lint bench docs web torture fuzz

test: test-tools test-rust test-clients test-web test-image

# The program as the tests below start it, with the features that the tests' own dependencies ask for too: built without
# them, its larger crates would be built once more for `cargo test --workspace`.
program:
	cargo build --locked --workspace --bins --tests

# Everything in Rust: units, properties, golden queries, simulated crashes; what Clew says of configurations beside what
# promtool says.
test-rust: test-tools program
	cargo test --locked --workspace

# Real clients against a real server: the OpenTelemetry SDK, prometheus_client, structlog, curl, the node exporter; killed under load.
test-clients: test-tools program
	target/test-venv/bin/python -m pytest -q tests/clients

# The page in a real browser.
test-web: test-tools program
	tests/web

# The container image's content without a container engine: what it links, that it runs as the image's user.
test-image: test-tools program
	tests/image

test-tools:
	tests/install-tools

lint:
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo xtask layers
	cargo xtask tidy
	command -v cargo-deny >/dev/null || cargo install --locked cargo-deny@0.20.2
	# Also the crates of other platforms, which no build here has fetched.
	cargo fetch --locked
	cargo deny --offline check bans licenses sources

# Writes the documents that are generated from the code; CI fails when they differ from what is committed.
docs:
	cargo run --quiet -- docs configuration > docs/configuration.md
	cargo run --quiet -- docs openapi > web/openapi.json
	@echo "if the API changed: npm run types in web/ makes the types of the web page from web/openapi.json"

# Builds the page into web/dist, which is committed: `cargo build` puts it into the binary without Node.js.
web:
	cd web && npm ci --no-audit --no-fund --loglevel=error && npm run --silent types && npm run --silent build

# The long form of the trials that `make test` runs in short: each seed is a history that repeats itself. What was met is
# printed; docs/reliability.md has the figures.
SEEDS ?= 2000
torture: test-tools program
	CLEW_POWER_LOSS_SEEDS=$(SEEDS) cargo test --locked -p clew-app --test power_loss -- --nocapture
	CLEW_TENANT_SEEDS=$$(( $(SEEDS) / 20 + 1 )) cargo test --locked -p clew-api no_answer_of_one_tenant -- --nocapture
	CLEW_DAMAGE_SEEDS=$(SEEDS) cargo test --locked -p clew-app --test damage -- --nocapture
	CLEW_FAULTS_CALLS=$(SEEDS) CLEW_FAULTS_HISTORIES=2 cargo test --locked -p clew-app --test faults -- --nocapture
	CLEW_FUZZ_MILLIS=20000 CLEW_FUZZ_SEED=$(SEEDS) cargo test --locked -p clew-fuzzing -- --nocapture
	CLEW_CANARY_SECONDS=300 target/test-venv/bin/python -m pytest -q -s -o faulthandler_timeout=600 tests/clients/test_canary.py
	target/test-venv/bin/python -m pytest -q tests/clients/test_kill.py tests/clients/test_memory.py tests/clients/test_connections.py

# Fuzzes one reader of outside data for so long; without TARGET names them. What is found is in fuzz/artifacts; new inputs go to
# fuzz/found, and those of them that reach something new belong into fuzz/corpus: `cargo fuzz cmin` keeps it small.
SECONDS ?= 60
fuzz:
	command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz@0.13.2
	@[ -n "$(TARGET)" ] || { echo "TARGET is one of:"; ls fuzz/corpus; exit 2; }
	mkdir -p fuzz/found/$(TARGET)
	RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none $(TARGET) fuzz/found/$(TARGET) fuzz/corpus/$(TARGET) -- \
		-max_total_time=$(SECONDS) -max_len=8192 -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=512

bench:
	cargo build --release --locked
	cargo bench --locked --package clew-testkit
