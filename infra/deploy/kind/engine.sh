#!/bin/sh
# A Docker engine for a machine without an init system, such as a CI job: dockerd as root, with all its files in one folder.
# Usage: eval "$(infra/deploy/kind/engine.sh start FOLDER [--install])"     prints the line that sets DOCKER_HOST, and nothing else
#        infra/deploy/kind/engine.sh stop FOLDER
# If an engine already answers at DOCKER_HOST or in FOLDER, none is started. --install installs missing programs with apt-get.
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
# Quote a text as one word of a shell.
quoted() { printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"; }
say_where() { printf 'export DOCKER_HOST=%s\n' "$(quoted "$DOCKER_HOST")"; }

if [ "$verb" = start ] && answers; then
  [ -z "${DOCKER_HOST:-}" ] || say_where
  exit
fi
[ "$(id -u)" = 0 ] || fail "Starting and stopping an engine requires root." "Run this with sudo."
[ "$verb" = stop ] || mkdir -p "$folder"
folder=$(cd "$folder" 2>/dev/null && pwd -P) || fail "There is no folder $folder, so no engine of it."
DOCKER_HOST=unix://$folder/docker.sock
export DOCKER_HOST

# Print the pid of this folder's engine, if that process is still a dockerd with this folder's socket.
running() {
  pid=$(cat "$folder/pid" 2>/dev/null) && [ -n "$pid" ] &&
    tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF "$DOCKER_HOST" && printf '%s\n' "$pid"
}

# A starting engine rewrites the machine's firewall rules, which removes those of another engine's containers.
refuse_a_second() {
  for other in /proc/[0-9]*; do
    if [ "$(cat "$other/comm" 2>/dev/null)" = dockerd ] &&
      [ "$(readlink "$other/ns/net")" = "$(readlink /proc/self/ns/net)" ]; then
      fail "Another dockerd runs here (pid ${other#/proc/}): $(tr '\0' ' ' <"$other/cmdline")" \
        "Set DOCKER_HOST to its socket: two engines overwrite each other's firewall rules."
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

# Print the name of a runtime without the capabilities that this machine lacks; nothing if it has all of them.
bounded() {
  bounds=$(sed -n 's/^CapBnd:[^0-9a-f]*0*//p' /proc/self/status)
  all=$(printf '%x' $(((2 << $(cat /proc/sys/kernel/cap_last_cap)) - 1)))
  [ "$bounds" = "$all" ] && return
  interpreter=/usr/bin/python3
  [ -x "$interpreter" ] || interpreter=$(command -v python3) ||
    fail "This machine lacks a capability, and the runtime for such machines needs python3." "Install python3."
  program="$(quoted "$interpreter") -I $(quoted "$here/offline/runc_bounded.py")"
  printf '#!/bin/sh\nexec %s "$@"\n' "$program" >"$folder/runc-bounded"
  chmod 755 "$folder/runc-bounded"
  echo bounded
}

# Each node runs systemd, kubelet and containerd, which use inotify instances.
raise_inotify() {
  limit=/proc/sys/fs/inotify/max_user_instances
  [ "$(cat "$limit")" -ge 512 ] || echo 512 >"$limit" || say "$limit is $(cat "$limit"); 512 is recommended."
}

start() {
  answers && return
  ! pid=$(running) || fail "dockerd runs with pid $pid and does not answer." "Read $folder/log, or stop it."
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
  fail "dockerd does not answer; the lines above are the end of $folder/log."
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
  fail "dockerd (pid $pid) has not ended within 30 s." "Read $folder/log."
}

if [ "$verb" = stop ]; then
  stop
else
  install_missing
  start
  say_where
fi
