#!/usr/bin/env bash
# peers.sh - installs the programs of others that the tests compare with; `.ci/run` calls it.
#
# Debian packages, Python packages into tests/.peers/venv, npm packages into tests/.peers/node_modules. Idempotent.
set -euo pipefail
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
say() { printf 'peers: %s\n' "$*"; }
as_root=(); [ "$(id -u)" -eq 0 ] || as_root=(sudo env DEBIAN_FRONTEND=noninteractive)

debian=(
  age qpdf poppler-utils zbar-tools ffmpeg openssl unzip zip coreutils
  swtpm swtpm-tools tpm2-tools softhsm2 binutils                     # a TPM and a token of others; strings
  golang-go golang-golang-x-mod-dev                                  # the log, by Go's own code
  fuse3 cups-ipp-utils avahi-daemon dbus iproute2                    # a printer of others
  gstreamer1.0-tools python3 python3-venv xvfb xauth imagemagick
  tesseract-ocr tesseract-ocr-chi-sim
  gpsd                                                               # where the device is
  rime-data-luna-pinyin rime-data-stroke libime-data-language-model  # what the keyboard uses where it is there
  tegaki-zinnia-simplified-chinese
)
either=("librime1t64 librime1" "libzinnia0t64 libzinnia0")            # one library, named by release
there() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }
lacking=()
for p in "${debian[@]}"; do there "$p" || lacking+=("$p"); done
for names in "${either[@]}"; do
  read -r new old <<<"$names"
  if ! there "$new" && ! there "$old"; then
    apt-cache show bash >/dev/null 2>&1 || "${as_root[@]}" apt-get update -q   # a fresh machine knows no names yet
    if apt-cache show "$new" >/dev/null 2>&1; then lacking+=("$new"); else lacking+=("$old"); fi
  fi
done
command -v node >/dev/null && command -v npm >/dev/null || lacking+=(nodejs npm)
if [ ${#lacking[@]} -gt 0 ]; then
  say "installing ${lacking[*]}"
  "${as_root[@]}" apt-get update -q
  "${as_root[@]}" apt-get install -y -q --no-install-recommends "${lacking[@]}"
fi

peers=$root/tests/.peers
mkdir -p "$peers"
python=(bagit==1.9.0 tuspy==1.1.0 apsw-sqlite3mc duckdb jsonschema openpyxl dbf xlwt typst==0.15.2)
if [ ! -x "$peers/venv/bin/bagit.py" ] || [ "$(cat "$peers/venv/.made" 2>/dev/null || true)" != "${python[*]}" ]; then
  say "Python packages: ${python[*]}"
  python3 -m venv "$peers/venv"
  "$peers/venv/bin/pip" install -q --disable-pip-version-check "${python[@]}"
  printf '%s' "${python[*]}" >"$peers/venv/.made"
fi
npm=(@tus/server@2.4.5 @tus/file-store@2.1.1)
# @tus/server asks for Node 20.19; Debian 12 has 18. Then a newer one comes from npm too; test.sh finds it first.
if ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'; then
  npm+=(node@20)
fi
if [ ! -d "$peers/node_modules/@tus/server" ] || [ "$(cat "$peers/.npm-made" 2>/dev/null || true)" != "${npm[*]}" ]; then
  say "npm packages: ${npm[*]}"
  (cd "$peers" && printf '{"private":true}\n' >package.json && npm install --no-audit --no-fund --silent "${npm[@]}")
  printf '%s' "${npm[*]}" >"$peers/.npm-made"
fi
say "ready"
