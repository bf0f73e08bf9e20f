#!/usr/bin/env bash
# demo.sh - builds the programs and drives the whole way once; `make demo` calls it.
set -euo pipefail
export LC_ALL=C.UTF-8
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
[ -f "$HOME/.cargo/env" ] && . "$HOME/.cargo/env"
cargo build --locked --profile demo --bin spotcheck --bin spotcheck-center --bin spotcheck-verify --bin spotcheck-demo \
  -p spotcheck -p spotcheck-center -p spotcheck-verify -p spotcheck-tests
exec target/demo/spotcheck-demo "${DEMO_DIR:-$root/target/demo-run}"
