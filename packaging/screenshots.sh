#!/usr/bin/env bash
# screenshots.sh - writes a picture of every screen to ui/gallery/, by the software renderer, without a display.
set -euo pipefail
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
[ -f "$HOME/.cargo/env" ] && . "$HOME/.cargo/env"
cargo run --locked --quiet -p spotcheck-ui --bin gallery --features testkit -- ui/gallery "$@"
