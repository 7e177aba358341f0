#!/bin/sh
# Start from a bundle without a network: time until an event is read back and Kubernetes is ready, RUNS times (default 1).
# Usage: infra/benchmarks/bundle.sh BUNDLE [RUNS]      best as an ordinary user; needs `unshare` and `ip`
#
# Each run has a network namespace of its own with only the loopback interface, an empty home folder and an empty cache. It
# ends with lesson 00, solved. Prints the size of the bundle, the timeline, and the disk space used afterwards.
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
