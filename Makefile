# What a person types. Everything else is behind these.
SHELL := /bin/bash
.PHONY: demo test setup peers screenshots arm64-smoke crash long bench

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
	@cargo build --workspace --bins --locked --quiet
	@target/debug/spotcheck-crash --kills $(N) --cuts $(N) --seed $(SEED)

# Six hours of sound and 5 GiB of video; about an hour and 20 GB of room.
long: setup
	@cargo build --workspace --bins --locked --quiet
	@target/debug/spotcheck-long

# The figures of the budgets against their peers: target/bench/report.md. P=P1,P7 chooses, SCALE=small is quick.
P ?=
SCALE ?= full
bench: setup
	@packaging/bench.sh "$(P)" "$(SCALE)"
