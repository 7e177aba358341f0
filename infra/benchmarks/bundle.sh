#!/bin/sh
# Start from a bundle without a network: time until an event is read back and Kubernetes is ready.
# Called by figures/bundle.py: bundle.sh BUNDLE      best as an ordinary user; needs `unshare` and `ip`
#
# It runs in a network namespace of its own with only the loopback interface, an empty home folder and an empty cache. It ends
# with lesson 00, solved. Lines that begin with `= ` are values.
set -eu
[ -f "${1:-}/SHA256SUMS" ] || {
  echo "'${1:-}' is not a bundle: it has no SHA256SUMS." >&2
  exit 2
}
bundle=$(cd "$1" && pwd -P)
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
sh "$1/start.sh" "$HOME/ws" --no-lab >"$HOME/start.log" 2>&1 || { cat "$HOME/start.log"; exit 1; }
printf '= start: %s\n' "$(($(date +%s) - began))"
sed -n 's/^environment .* \([0-9.]*\) s$/= packages: \1/p' "$HOME/start.log"
grep -v '^$' "$HOME/start.log"
cd "$HOME/ws"
.venv/bin/workshop run 00
.venv/bin/workshop status
.venv/bin/workshop down
du -smc .venv .workshop "$HOME/.cache" | awk 'END { printf "= disk: %.2f\n", $1 * 1.048576 / 1000 }'
ROOM

echo "as $(id -un)"
echo "= size: $(du -sm "$bundle" | cut -f 1)"
echo "= files: $(wc -l <"$bundle/SHA256SUMS" | tr -d ' ')"
mkdir "$scratch/home"
env -i HOME="$scratch/home" PATH="$PATH" LANG=C.UTF-8 TMPDIR="$scratch" ${WORKSHOP_PYTHON:+WORKSHOP_PYTHON="$WORKSHOP_PYTHON"} \
  ${WORKSHOP_FIRST_PORT:+WORKSHOP_FIRST_PORT="$WORKSHOP_FIRST_PORT"} \
  unshare --user --map-current-user --keep-caps --net sh "$scratch/room.sh" "$bundle"
