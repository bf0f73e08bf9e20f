#!/usr/bin/env bash
# bench.sh - builds the programs and measures the budgets; `make bench` calls it with P (which) and SCALE.
#
# Profile `demo` (release without LTO): what is measured must not wait an hour for its build. Peers are those of
# peers.sh; one that is missing is said in the report, not skipped over.
set -euo pipefail
export LC_ALL=C.UTF-8
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
[ -f "$HOME/.cargo/env" ] && . "$HOME/.cargo/env"
export PATH="$root/tests/.peers/venv/bin:$PATH"
cargo build --locked --profile demo --features spotcheck-tests/bench-face \
  --bin spotcheck --bin spotcheck-center --bin spotcheck-verify --bin spotcheck-bench \
  -p spotcheck -p spotcheck-center -p spotcheck-verify -p spotcheck-tests
exec "${CARGO_TARGET_DIR:-target}/demo/spotcheck-bench" --only "${1:-}" --scale "${2:-full}"
