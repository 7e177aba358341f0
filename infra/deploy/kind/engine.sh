#!/bin/sh
# A Docker engine for a machine without an init system, such as a CI job's: starts dockerd as root, all its files in one folder.
# Usage: eval "$(infra/deploy/kind/engine.sh start FOLDER [--install])"     prints the line that sets DOCKER_HOST, and nothing else
#        infra/deploy/kind/engine.sh stop FOLDER
# Starts none if one answers already, there or where DOCKER_HOST leads. --install brings what is missing by apt-get.
# Containers that still run when the engine stops are stopped with it; its data stay in FOLDER/data.
set -eu

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "$1"
  [ -z "${2:-}" ] || say "→ $2"
  exit 1
}

here=$(cd "$(dirname "$0")" && pwd -P)
verb=${1:-} folder=${2:-} option=${3:-}
case "$verb:$folder:$option" in
start:?*: | start:?*:--install | stop:?*:) ;;
*)
  sed -n '2,6s/^# //p' "$0" >&2
  exit 2
  ;;
esac
answers() { docker version >/dev/null 2>&1; }
# Whatever the folder is called: as one word of a shell.
quoted() { printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"; }
say_where() { printf 'export DOCKER_HOST=%s\n' "$(quoted "$DOCKER_HOST")"; }

if [ "$verb" = start ] && answers; then
  [ -z "${DOCKER_HOST:-}" ] || say_where
  exit
fi
[ "$(id -u)" = 0 ] || fail "An engine is started and stopped by root." "Run this with sudo."
[ "$verb" = stop ] || mkdir -p "$folder"
folder=$(cd "$folder" 2>/dev/null && pwd -P) || fail "There is no folder $folder, so no engine of it."
DOCKER_HOST=unix://$folder/docker.sock
export DOCKER_HOST

# The engine of this folder: its pid, if that process is still a dockerd that was given this folder.
running() {
  pid=$(cat "$folder/pid" 2>/dev/null) && [ -n "$pid" ] &&
    tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF "$DOCKER_HOST" && printf '%s\n' "$pid"
}

# An engine that starts writes the machine's firewall rules anew: those of another engine's containers would be gone.
refuse_a_second() {
  for other in /proc/[0-9]*; do
    if [ "$(cat "$other/comm" 2>/dev/null)" = dockerd ] &&
      [ "$(readlink "$other/ns/net")" = "$(readlink /proc/self/ns/net)" ]; then
      fail "Another dockerd runs here (pid ${other#/proc/}): $(tr '\0' ' ' <"$other/cmdline")" \
        "Set DOCKER_HOST to its socket: two engines take each other's firewall rules away."
    fi
  done
}

install_missing() {
  missing=
  command -v dockerd >/dev/null || missing=docker.io
  command -v docker >/dev/null || missing=docker.io
  command -v iptables >/dev/null || missing="$missing iptables"
  [ -n "$missing" ] || return 0
  # shellcheck disable=SC2086 # a list of words
  [ "$option" = --install ] ||
    fail "An engine needs$(printf ' %s' $missing), which is not installed." \
      "Run \`apt-get update && apt-get install --no-install-recommends $missing\`, or add --install."
  # shellcheck disable=SC2086
  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; } \
    >"$folder/install.log" 2>&1 || {
    tail -n 5 "$folder/install.log" >&2
    fail "$missing could not be installed; the whole log is $folder/install.log."
  }
}

# Does the machine lack a capability? Then runc must not be asked for it.
bounded() {
  bounds=$(sed -n 's/^CapBnd:[^0-9a-f]*0*//p' /proc/self/status)
  all=$(printf '%x' $(((2 << $(cat /proc/sys/kernel/cap_last_cap)) - 1)))
  [ "$bounds" = "$all" ] && return
  interpreter=/usr/bin/python3
  [ -x "$interpreter" ] || interpreter=$(command -v python3) ||
    fail "This machine lacks a capability, and there is no python3 for the runtime that allows for it." "Install python3."
  program="$(quoted "$interpreter") -I $(quoted "$here/offline/runc_bounded.py")"
  printf '#!/bin/sh\nexec %s "$@"\n' "$program" >"$folder/runc-bounded"
  chmod 755 "$folder/runc-bounded"
  echo bounded
}

# Each node runs a systemd, a kubelet and a containerd, and each of these holds inotify instances.
raise_inotify() {
  limit=/proc/sys/fs/inotify/max_user_instances
  [ "$(cat "$limit")" -ge 512 ] || echo 512 >"$limit" || say "$limit stays at $(cat "$limit"); 512 were better."
}

start() {
  answers && return
  ! pid=$(running) || fail "dockerd runs with pid $pid and does not answer." "Look into $folder/log, or stop it."
  refuse_a_second
  raise_inotify
  set -- --data-root "$folder/data" --exec-root "$folder/exec" -H "$DOCKER_HOST" --pidfile "$folder/pid"
  rm -f "$folder/pid"
  runtime=$(bounded)
  [ -z "$runtime" ] || set -- "$@" "--add-runtime=$runtime=$folder/runc-bounded" "--default-runtime=$runtime"
  setsid dockerd "$@" >"$folder/log" 2>&1 </dev/null &
  started=$!
  for _ in $(seq 120); do
    answers && return
    kill -0 "$started" 2>/dev/null || break
    sleep 0.5
  done
  tail -n 8 "$folder/log" >&2
  kill "$started" 2>/dev/null || true
  fail "dockerd did not come to answer; the lines above are the end of $folder/log."
}

stop() {
  pid=$(running) || {
    say "No engine of $folder runs."
    return
  }
  kill "$pid"
  for _ in $(seq 60); do
    kill -0 "$pid" 2>/dev/null || return 0
    sleep 0.5
  done
  fail "dockerd (pid $pid) has not ended within 30 s." "Look into $folder/log."
}

if [ "$verb" = stop ]; then
  stop
else
  install_missing
  start
  say_where
fi
