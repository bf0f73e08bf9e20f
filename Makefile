# What a person types. Everything else is behind these.
SHELL := /bin/bash
# Where setup.sh puts Rust on a machine that had none.
export PATH := $(HOME)/.cargo/bin:$(PATH)
.PHONY: demo test setup peers screenshots arm64-smoke crash long bench day fuzz

setup:
	@packaging/setup.sh

peers: setup
	@packaging/peers.sh

demo: setup
	@packaging/demo.sh

test: setup
	@packaging/test.sh

screenshots: setup
	@packaging/screenshots.sh

arm64-smoke: setup
	@packaging/arm64-smoke.sh

# N kills and N power cuts of one SEED; both can be repeated.
N ?= 50
SEED ?= 20261122
crash: setup
	@cargo build --workspace --bins --tests --locked --quiet
	@target/debug/spotcheck-crash --kills $(N) --cuts $(N) --seed $(SEED)

# Ten thousand careless fingers, six hours of sound and 5 GiB of video; more than an hour and 20 GB of room.
long: peers
	@cargo build --workspace --bins --tests --locked --quiet
	@SPOTCHECK_MONKEY=10000 cargo test --workspace --lib --locked --quiet careless_fingers -- --nocapture
	@target/debug/spotcheck-long

# The figures of the budgets against their peers: target/bench/report.md. P=P1,P7 chooses, SCALE=small is quick.
P ?=
SCALE ?= full
bench: peers
	@packaging/bench.sh "$(P)" "$(SCALE)"

# A day's work replayed (P14).
day: peers
	@packaging/bench.sh P14 full

# Every fuzz target in turn for SECONDS; needs a nightly compiler and cargo-fuzz. The database is linked twice
# under the sanitizer, which is no fault of ours.
SECONDS ?= 600
FUZZ = pack mapping import_csv import_dbf import_xlsx table
fuzz: setup
	@cargo +nightly fuzz --version >/dev/null || { echo "fuzz: needs rustup's nightly and cargo-fuzz (cargo install cargo-fuzz)"; exit 3; }
	@cd tests/fuzz && for target in $(FUZZ); do \
		mkdir -p corpus/$$target && \
		ASAN_OPTIONS=detect_odr_violation=0 cargo +nightly fuzz run --fuzz-dir . $$target \
			corpus/$$target seeds/$$target -- -max_total_time=$(SECONDS) -max_len=16384 \
			-timeout=20 -rss_limit_mb=4096 -malloc_limit_mb=2048 || exit 1; \
	done
