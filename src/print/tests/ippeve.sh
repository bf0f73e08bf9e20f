#!/usr/bin/env bash
# ippeve.sh - runs a command beside an IPP Everywhere printer that nobody here wrote: Debian's ippeveprinter.
#
#   ippeve.sh SPOOL [FORMATS] -- COMMAND…
#
# SPOOL     folder in which the printer keeps what it was sent, one file per job (and an empty *.prn, to be ignored)
# FORMATS   what the printer takes; default application/pdf,image/pwg-raster
# COMMAND   runs with SPOTCHECK_PRINTER=ipp://localhost:8631/ipp/print; its exit code is ours
#
# ippeveprinter wants Avahi, Avahi wants dbus. So all three run in network, mount and process namespaces of their own, with a
# private /run: nothing on the machine is touched, nothing is left behind, and there is no network but loopback.
# Exit 77: a tool is missing or namespaces are not allowed (said on stderr). Needs root or unprivileged user namespaces.
# Debian: apt-get install cups-ipp-utils avahi-daemon dbus iproute2 util-linux

set -euo pipefail

if [ "${1:-}" != --inside ]; then
  for tool in unshare ip dbus-daemon avahi-daemon ippeveprinter ipptool; do
    PATH=$PATH:/usr/sbin:/sbin command -v "$tool" > /dev/null || { echo "ippeve.sh: $tool is not installed" >&2; exit 77; }
  done
  user=(); [ "$(id -u)" = 0 ] || user=(--map-root-user)
  spaces=("${user[@]}" --net --mount --pid --fork --kill-child --mount-proc)
  unshare "${spaces[@]}" true 2>/dev/null || { echo "ippeve.sh: no namespaces allowed here" >&2; exit 77; }
  exec unshare "${spaces[@]}" bash "${BASH_SOURCE[0]}" --inside "$@"
fi
shift

PATH=$PATH:/usr/sbin:/sbin
spool=$(cd -- "$1" && pwd); shift
formats=application/pdf,image/pwg-raster
[ "$1" = -- ] || { formats=$1; shift; }
[ "$1" = -- ] || { echo "ippeve.sh: -- expected" >&2; exit 2; }
shift

ip link set lo up
mount -t tmpfs tmpfs /run
mkdir -p /run/dbus /run/avahi-daemon
# a configuration of our own: with --map-root-user there is one user only, so nobody can be switched to
log=/run/ippeve.log
cat > /run/dbus.conf <<'CONF'
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_type="method_call"/><allow send_type="signal"/><allow receive_type="method_call"/>
    <allow send_requested_reply="true"/><allow receive_requested_reply="true"/>
  </policy>
</busconfig>
CONF
dbus-daemon --config-file=/run/dbus.conf --fork --nopidfile >> "$log" 2>&1
avahi-daemon --daemonize --no-drop-root --no-chroot --no-rlimits >> "$log" 2>&1
# -c true: without a command it plays at printing for up to 15 s
ippeveprinter -p 8631 -f "$formats" -c "$(type -P true)" -k -d "$spool" 'Spotcheck Test' >> "$log" 2>&1 &
export SPOTCHECK_PRINTER=ipp://localhost:8631/ipp/print
for _ in $(seq 100); do
  if ipptool -q "$SPOTCHECK_PRINTER" get-printer-attributes.test > /dev/null 2>&1; then
    rc=0; "$@" || rc=$?
    exit "$rc"
  fi
  sleep 0.1
done
echo "ippeve.sh: the printer did not start:" >&2
cat "$log" >&2
exit 1
