#!/usr/bin/env bash
# test.sh - all checks of the project, in the order in which they are cheapest to fail. `make test` calls it.
#
# The last lines list every check that was skipped, each with its reason, and `skipped N`.
set -uo pipefail
export LC_ALL=C.UTF-8 CARGO_TERM_COLOR=never
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
[ -f "$HOME/.cargo/env" ] && . "$HOME/.cargo/env"
peers=$root/tests/.peers
export PATH="$peers/venv/bin:$peers/node_modules/.bin:$PATH" SPOTCHECK_PEERS="$peers"
export SPOTCHECK_SHARED="${SPOTCHECK_SHARED:-$(dirname -- "$root")/shared}"
# A clean checkout is built once: what incremental builds keep would cost gigabytes and is never read again.
[ "${CI:-}" = true ] && export CARGO_INCREMENTAL=0
mkdir -p target
log=target/test.log
: >"$log"
failed=()
step() { # NAME COMMAND...
  local name=$1; shift
  printf '\n== %s\n' "$name"
  "$@" 2>&1 | tee -a "$log"
  [ "${PIPESTATUS[0]}" -eq 0 ] || failed+=("$name")
}
step "fonts" packaging/fonts.sh
step "format" cargo fmt --all --check
# Not over the face: what the Slint compiler wrote for it costs a quarter of an hour to lint, and every lint of it is allowed.
step "clippy" cargo clippy --workspace --exclude spotcheck-face --no-deps --all-targets --features spotcheck-tests/bench-face --locked --quiet -- -D warnings
# With the tests in one go: alone, the programs would be built without what only tests ask of shared libraries, and
# the page layout and all above it once more. That they build without it is what rustdoc shows below.
step "build of programs and tests" cargo build --workspace --bins --tests --locked --quiet
if cargo nextest --version >/dev/null 2>&1; then
  step "tests" cargo nextest run --workspace --locked --success-output immediate --status-level fail --no-fail-fast
else
  step "tests" cargo test --workspace --all-targets --locked --no-fail-fast -- --show-output
fi
step "doc tests" cargo test --workspace --doc --locked --quiet
export RUSTDOCFLAGS="-D warnings"
step "rustdoc" cargo doc --workspace --no-deps --locked --quiet
if cargo deny --version >/dev/null 2>&1; then step "cargo-deny" cargo deny --offline check licenses bans sources; fi

printf '\n== skipped\n'
grep -aoE 'SKIPPED .*' "$log" | sort -u
skipped=$(grep -aoE 'SKIPPED .*' "$log" | sort -u | grep -c . || true)
printf 'skipped %s\n' "$skipped"
printf '%s\n' "$skipped" >target/skipped
if [ ${#failed[@]} -gt 0 ]; then printf 'FAILED: %s\n' "${failed[*]}"; exit 1; fi
