#!/usr/bin/env bash
# arm64-smoke.sh - cross-builds the three programs for arm64 and runs the whole way once with them under QEMU.
#
#   packaging/arm64-smoke.sh        `make arm64-smoke` calls it; not part of `make test`
#
# ARM64_DIR            where the Debian 13 chroot is made and kept; default target/arm64. About 8 GB.
# ARM64_MIRROR         a Debian mirror; default: the one this machine uses
# ARM64_REGISTRY       a cargo registry to copy downloads from (…/.cargo/registry); default: download
# CARGO_BUILD_JOBS     as cargo reads it
#
# In the chroot: Rust of trixie-backports, crossbuild-essential-arm64, the -dev packages of setup.sh for arm64.
# `spotcheck` starts itself again for the recorder, so an arm64 program must be startable by the kernel, not
# only through a wrapper: QEMU is registered with binfmt_misc in a user namespace of our own (Linux ≥ 6.7),
# which nothing else on the machine sees. Where arm64 programs start already, that is used.
# Needs root. The last line is `arm64-smoke: ok` with what ran, else exit 1 (a check says no) or 3 (could not run).
set -euo pipefail
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
triple=aarch64-unknown-linux-gnu
say() { printf 'arm64-smoke: %s\n' "$*"; }
cannot() { say "$*"; exit 3; }
inside=$(getent passwd 0 | cut -d: -f6) # home of the chroot's user
own_mirror() { # apt's own word for it: a grep over its files would find comments and repositories of others
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' 2>/dev/null | head -n 1 | sed 's|/$||'
}

if [ "${1:-}" != --inside ]; then
  [ "$(id -u)" -eq 0 ] || cannot "needs root (it makes a chroot); try: sudo make arm64-smoke"
  dir=${ARM64_DIR:-$root/target/arm64}
  mkdir -p "$dir"
  dir=$(cd -- "$dir" && pwd)
  chroot=$dir/trixie
  if [ ! -e "$chroot/.base" ]; then
    command -v debootstrap >/dev/null || { apt-get update -q; apt-get install -y -q --no-install-recommends debootstrap; }
    say "Debian 13 into $chroot"
    rm -rf --one-file-system -- "$chroot"
    # In a mount namespace of its own: what debootstrap mounts is gone with it, however it ends.
    unshare --mount debootstrap --variant=minbase trixie "$chroot" "${ARM64_MIRROR:-$(own_mirror)}" >"$dir/debootstrap.log" \
      || cannot "debootstrap failed: $dir/debootstrap.log"
    touch "$chroot/.base"
  fi
  # The same network as outside: names, extra certificate authorities, apt's own settings for a mirror.
  cp -L /etc/resolv.conf "$chroot/etc/resolv.conf" 2>/dev/null || true
  mkdir -p "$chroot/usr/local/share/ca-certificates" "$chroot/src/spotcheck"
  cp -r /usr/local/share/ca-certificates/. "$chroot/usr/local/share/ca-certificates/" 2>/dev/null || true
  say "copying the sources"
  tar -C "$root" --exclude=./target --exclude=./.git --exclude=./tests/.peers -cf - . | tar -C "$chroot/src/spotcheck" -xf -
  if [ -d "${ARM64_REGISTRY:-}" ]; then
    mkdir -p "$chroot$inside/.cargo/registry"
    cp -ru "$ARM64_REGISTRY/index" "$ARM64_REGISTRY/cache" "$chroot$inside/.cargo/registry/"
  fi
  enter() { # PHASE [unshare options]: this script again, inside
    local phase=$1; shift
    unshare --mount "$@" bash -c '
      set -e
      chroot=$1; phase=$2; jobs=$3
      mount --make-rprivate / 2>/dev/null || true
      mount --rbind /proc "$chroot/proc"; mount --rbind /sys "$chroot/sys"; mount --rbind /dev "$chroot/dev"
      mount -t tmpfs -o mode=1777 tmpfs "$chroot/dev/shm"
      if [ "$phase" = run ]; then mount -t binfmt_misc binfmt_misc "$chroot/proc/sys/fs/binfmt_misc" 2>/dev/null || true; fi
      exec chroot "$chroot" /usr/bin/env -i HOME=/root USER=root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive ${jobs:+CARGO_BUILD_JOBS=$jobs} \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin bash /src/spotcheck/packaging/arm64-smoke.sh --inside "$phase"
    ' - "$chroot" "$phase" "${CARGO_BUILD_JOBS:-}"
  }
  enter build
  if enter probe 2>/dev/null; then
    enter run
  else
    enter run --user --map-root-user
  fi
  exit
fi

cd /src/spotcheck
programs=(spotcheck spotcheck-center spotcheck-verify)
bin=target/$triple/demo
# $1 registers nothing twice; the magic is that of an ELF file for AArch64 (elf.h: EM_AARCH64 = 183 = 0xb7)
register() {
  local qemu=$1 elf='\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
  local mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
  printf '%s' ":spotcheck-arm64:M::$elf:$mask:$qemu:F" >/proc/sys/fs/binfmt_misc/register
}

case $2 in
build)
  dpkg --add-architecture arm64
  if ! grep -rqs trixie-backports /etc/apt/sources.list /etc/apt/sources.list.d; then
    mirror=$(grep -rhoE '(https?|file|copy)://[^ ]+' /etc/apt/sources.list /etc/apt/sources.list.d | head -n 1)
    printf 'deb %s trixie-backports main\n' "$mirror" >/etc/apt/sources.list.d/backports.list
  fi
  mapfile -t named < <(packaging/setup.sh --list)
  native=(build-essential pkg-config ca-certificates openssl python3 python3-fonttools fonts-noto-cjk crossbuild-essential-arm64 qemu-user-static)
  rust=(rustc cargo libstd-rust-dev libstd-rust-dev:arm64)
  foreign=(gstreamer1.0-tools:arm64)
  for p in "${named[@]}"; do
    case $p in lib*-dev | gstreamer1.0-plugins-*) foreign+=("$p:arm64") ;; esac
  done
  lacking=()
  for p in "${native[@]}" "${rust[@]}" "${foreign[@]}"; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || lacking+=("$p")
  done
  if [ ${#lacking[@]} -gt 0 ]; then
    say "installing ${lacking[*]}"
    apt-get update -q
    apt-get install -y -q --no-install-recommends "${native[@]}" "${foreign[@]}"
    apt-get install -y -q --no-install-recommends -t trixie-backports "${rust[@]}"
    apt-get clean
  fi
  say "cross-building ${programs[*]} for $triple with $(rustc --version)"
  export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
  export CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc AR_aarch64_unknown_linux_gnu=aarch64-linux-gnu-ar
  export PKG_CONFIG_ALLOW_CROSS=1
  export PKG_CONFIG_LIBDIR_aarch64_unknown_linux_gnu=/usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig
  export PKG_CONFIG_SYSROOT_DIR_aarch64_unknown_linux_gnu=/
  cargo build --locked --profile demo --target "$triple" -p spotcheck -p spotcheck-center -p spotcheck-verify \
    --bin spotcheck --bin spotcheck-center --bin spotcheck-verify
  cargo build --locked --profile demo -p spotcheck-tests --bin spotcheck-demo
  for p in "${programs[@]}"; do
    [ "$(od -An -tx1 -j18 -N2 "$bin/$p" | tr -d ' ')" = b700 ] || { say "$p is not an arm64 program"; exit 1; }
  done
  ;;
probe)
  "$bin/spotcheck-verify" --version >/dev/null
  ;;
run)
  how="arm64 programs start already"
  if ! "$bin/spotcheck-verify" --version >/dev/null 2>&1; then
    qemu=
    for q in /usr/bin/qemu-aarch64-static /usr/bin/qemu-aarch64; do [ -z "$qemu" ] && [ -x "$q" ] && qemu=$q; done
    [ -n "$qemu" ] || cannot "no qemu-aarch64-static"
    register "$qemu" || cannot "binfmt_misc cannot be used in a user namespace here (Linux before 6.7?); register qemu-aarch64 on the machine, then try again"
    how="$("$qemu" --version | head -n 1), registered for this run"
  fi
  say "$how"
  for p in "${programs[@]}"; do "$bin/$p" --version || { say "$p does not start"; exit 1; }; done
  # GStreamer looks at all its plug-ins once; emulated, that takes longer than the handheld waits for its recorder.
  gst-inspect-1.0 videotestsrc >/dev/null || { say "GStreamer for arm64 does not start"; exit 1; }
  say "the whole way by sub-commands; handheld, centre and verifier are arm64, the driver and the time-stamp authority are not"
  SPOTCHECK_BIN=$PWD/$bin target/demo/spotcheck-demo $inside/run || { say "the story did not end well"; exit 1; }
  say "ok: ${programs[*]} for $triple built here; visit, capture, seal, push, receipt; spotcheck-verify accepts the bundle ($how)"
  ;;
esac
