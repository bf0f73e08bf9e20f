#!/usr/bin/env bash
# setup.sh - installs what a fresh Debian 12 or 13 machine lacks to build and run Spotcheck.
#
# Idempotent; says what it does; works as root and with sudo. `make demo` and `make test` call it.
#
#   packaging/setup.sh            installs
#   packaging/setup.sh --list     names the packages, one a line, and installs nothing
set -euo pipefail
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
say() { printf 'setup: %s\n' "$*"; }

build=(
  build-essential pkg-config ca-certificates git
  libssl-dev                                                        # libcrypto for SQLCipher
  libtss2-dev                                                       # TPM 2.0 for the device secret
  libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev              # capture
  gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
  libfontconfig-dev libxkbcommon-dev libxkbcommon-x11-0 libwayland-dev libudev-dev libinput-dev libgbm-dev libseat-dev libdrm-dev
  libx11-6 libx11-xcb1 libxcursor1 libxi6 libxrandr2 libxcb1        # window on X11 and Wayland, kms without either
  fonts-noto-cjk python3 python3-fonttools python3-venv             # the one font of screen and paper
  openssl unzip zip curl procps xvfb xauth poppler-utils             # demo: loopback TSA, pictures of the pages
)
if [ "${1:-}" = --list ]; then printf '%s\n' "${build[@]}"; exit; fi
root_do() { # runs as root; asks for sudo only when there is something to do
  if [ "$(id -u)" -eq 0 ]; then "$@"; return; fi
  command -v sudo >/dev/null || { say "needs root or sudo to install packages"; exit 3; }
  sudo env LC_ALL="$LC_ALL" DEBIAN_FRONTEND="$DEBIAN_FRONTEND" "$@"
}
apt_install() { root_do apt-get install -y -q --no-install-recommends "$@"; }

. /etc/os-release
# Asked anew each time: a target/ that came from another machine knows nothing of this one.
there=$(dpkg-query -W -f '${Status} ${Package}\n' "${build[@]}" 2>/dev/null | sed -n 's/^install ok installed //p' || true)
lacking=()
for p in "${build[@]}"; do
  grep -qxF -- "$p" <<<"$there" || lacking+=("$p")
done
if [ ${#lacking[@]} -gt 0 ]; then
  say "installing ${lacking[*]}"
  root_do apt-get update -q
  apt_install "${lacking[@]}"
fi

rust_ok() { # is there a rustc of at least 1.92?
  command -v rustc >/dev/null && command -v cargo >/dev/null || return 1
  local minor
  minor=$(rustc --version | sed -n 's/^rustc 1\.\([0-9]*\)\..*/\1/p')
  [ -n "$minor" ] && [ "$minor" -ge 92 ]
}
tools_ok() { cargo clippy --version >/dev/null 2>&1 && cargo fmt --version >/dev/null 2>&1; }
debian_rust() { # everything from trixie-backports
  # apt's own word for it: a grep over its files would find comments.
  if [ -z "$(apt-get indextargets --format '$(REPO_URI)' 'Codename: trixie-backports' 2>/dev/null | head -n 1 || true)" ]; then
    local mirror   # the one that trixie itself comes from
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Codename: trixie' 2>/dev/null | head -n 1 || true)
    [ -n "$mirror" ] || { say "apt knows no mirror of Debian 13"; exit 3; }
    printf 'deb %s trixie-backports main\n' "$mirror" \
      | root_do tee /etc/apt/sources.list.d/spotcheck-backports.list >/dev/null
  fi
  root_do apt-get update -q
  apt_install -t trixie-backports rustc cargo rust-clippy rustfmt libstd-rust-dev
}
[ -f "$HOME/.cargo/env" ] && . "$HOME/.cargo/env"
if ! rust_ok; then
  if [ "${VERSION_ID:-}" = 13 ]; then
    say "installing Rust from trixie-backports"
    debian_rust
  else
    say "installing Rust with rustup"
    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal -c clippy -c rustfmt \
      || { say "rustup could not be downloaded or run; install Rust 1.92 or newer some other way, then try again"; exit 3; }
    . "$HOME/.cargo/env"
  fi
  hash -r
  rust_ok || { say "no Rust of at least 1.92 could be installed"; exit 3; }
fi
if ! tools_ok; then # needed by `make test` only
  if command -v rustup >/dev/null; then
    say "adding clippy and rustfmt with rustup"
    rustup component add clippy rustfmt || say "clippy and rustfmt could not be added"
  elif [ "${VERSION_ID:-}" = 13 ] && [ "$(command -v rustc)" = /usr/bin/rustc ]; then
    say "adding clippy and rustfmt from trixie-backports"
    debian_rust
  else
    say "clippy or rustfmt is missing: make test will say so"
  fi
fi
say "ready: $(rustc --version)"
