# What a person types. Everything else is behind these.
SHELL := /bin/bash
.PHONY: demo test setup peers screenshots arm64-smoke

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
