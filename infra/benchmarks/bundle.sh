#!/bin/sh
# A machine without a network: how long from a bundle to the first event read back and Kubernetes ready, RUNS times (default 1).
# Usage: infra/benchmarks/bundle.sh BUNDLE [RUNS]      best as an ordinary user; needs `unshare` and `ip`
#
# Each run is in a network namespace of its own with nothing but loopback, with an empty home and an empty cache; it ends
# with lesson 00, solved. Prints the bundle's size, the time line, and what lies on the disk afterwards.
set -eu
[ -f "${1:-}/SHA256SUMS" ] || {
  sed -n '2,6s/^# //p' "$0" >&2
  exit 2
}
bundle=$(cd "$1" && pwd -P)
runs=${2:-1}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

cat >"$scratch/room.sh" <<'ROOM'
set -eu
ip link set lo up
printf 'routes: %s; links: %s\n' "$(ip route show | wc -l)" "$(ip -o link show | wc -l)"
python3 - <<'PROBE'
import socket
try:
    socket.create_connection(("192.0.2.1", 443), 3)
    print("a network is reached")
except OSError as error:
    print("an address outside:", error.strerror)
PROBE
began=$(date +%s)
sh "$1/start.sh" "$HOME/ws" --no-lab 2>&1 | grep -v '^$'
printf 'in all, unpacking included: %s s\n' "$(($(date +%s) - began))"
cd "$HOME/ws"
.venv/bin/workshop run 00
.venv/bin/workshop status
.venv/bin/workshop down
du -sm .venv .workshop "$HOME/.cache"
ROOM

echo "as $(id -un), $(du -sm "$bundle" | cut -f 1) MB, $(wc -l <"$bundle/SHA256SUMS") files"
number=0
while [ "$number" -lt "$runs" ]; do
  number=$((number + 1))
  echo "== run $number"
  mkdir "$scratch/home"
  env -i HOME="$scratch/home" PATH="$PATH" LANG=C.UTF-8 TMPDIR="$scratch" ${WORKSHOP_PYTHON:+WORKSHOP_PYTHON="$WORKSHOP_PYTHON"} \
    ${WORKSHOP_FIRST_PORT:+WORKSHOP_FIRST_PORT="$WORKSHOP_FIRST_PORT"} \
    unshare --user --map-current-user --keep-caps --net sh "$scratch/room.sh" "$bundle"
  rm -rf "$scratch/home"
done
