#!/bin/sh
# Runs every check of the project on brokers of its own: own state folder, own ports, own data. A running stack is not touched.
# Usage: infra/test.sh [fast | --backend kind [exercises] | --backend local exercises]
#   fast              the style and the unit tests only, without brokers
#   --backend kind    Kubernetes' behaviour and every solved lesson, once, on a kind cluster of its own (needs a Docker engine)
#   exercises         … and there every exercise of the lessons that need Kubernetes, rightly and wrongly: half an hour more
set -eu
root=$(cd "$(dirname "$0")/.." && pwd -P)
. "$root/infra/environment.sh"
cd "$root"

what=${1:-all}
[ "$what" != --backend ] || what=${2:-}
case "$what" in all | fast | kind | local) ;; *)
  sed -n '3,6s/^# //p' "$0" >&2
  exit 2
  ;;
esac
WORKSHOP_BACKEND=local
[ "$what" != kind ] || WORKSHOP_BACKEND=kind
export WORKSHOP_BACKEND
export WORKSHOP_FIRST_PORT="${WORKSHOP_FIRST_PORT:-23090}" WORKSHOP_PATIENCE="${WORKSHOP_PATIENCE:-240}"
mkdir -p "$root/.workshop"
WORKSHOP_STATE=$(mktemp -d "$root/.workshop/suite.XXXXXX")
export WORKSHOP_STATE IPYTHONDIR="$WORKSHOP_STATE/ipython" TMPDIR="$WORKSHOP_STATE/tmp"
mkdir -p "$TMPDIR" "$IPYTHONDIR/profile_default"

keep_logs() {
  rm -rf "$root/.workshop/failed-suite-logs"
  mkdir -p "$root/.workshop/failed-suite-logs"
  if [ "$what" = kind ]; then
    for name in $("$venv/bin/workshop" status --json | "$python" -c 'import json, sys; print(*json.load(sys.stdin)["components"])'); do
      "$venv/bin/workshop" logs "$name" -n 2000 >"$root/.workshop/failed-suite-logs/$name.log" 2>&1
    done
  elif [ -d "$WORKSHOP_STATE/local/logs" ]; then
    cp -r "$WORKSHOP_STATE/local/logs/." "$root/.workshop/failed-suite-logs"
  fi
  say "The logs of this run are in .workshop/failed-suite-logs."
}

prefetching=""
clean_up() {
  code=$?
  trap - EXIT INT TERM
  if [ -n "$prefetching" ] && kill "$prefetching" 2>/dev/null; then wait "$prefetching" || true; fi
  [ "$code" -eq 0 ] || keep_logs || true
  "$venv/bin/workshop" reset >/dev/null 2>&1 || true
  rm -rf "$WORKSHOP_STATE"
  exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

began=$(date +%s)
title() { printf '\n=== %s (after %d min)\n' "$*" $((($(date +%s) - began) / 60)); }
check() { "$python" -m pytest "$@"; }
lessons() { check -q --nbval-lax --nbval-current-env --nbval-cell-timeout=240 "$@"; }
slow_exercises() {
  title "every exercise that needs Kubernetes"
  WORKSHOP_ALL_EXERCISES=1 check -q --durations=8 tests/notebooks/test_exercises.py -k "kubernetes or scaling or game_day"
}
strictly() {
  # A failing !command is an error here, and so is an exercise that is not passed.
  echo 'c.InteractiveShell.system_raise_on_error = True' >"$IPYTHONDIR/profile_default/ipython_config.py"
  export WORKSHOP_STRICT=1
}

if [ "$what" = kind ]; then
  title "a kind cluster for the suite"
  "$venv/bin/workshop" up --no-lab
  title "Kubernetes' behaviour"
  check -q --durations=8 tests/kubernetes
  [ "${3:-}" != exercises ] || slow_exercises
  strictly
  title "lessons, solved, on kind"
  # shellcheck disable=SC2046 # one word a lesson
  lessons $("$python" tests/notebooks/lessons.py)
  exit 0
fi

if [ "$what" = local ]; then
  title "a stack for the exercises that need Kubernetes"
  "$venv/bin/workshop" fetch
  "$venv/bin/workshop" up --no-lab
  slow_exercises
  exit 0
fi

if [ "$what" = all ]; then
  # What is compiled, once, is compiled at idle priority: the tests below hardly lose by it.
  "$venv/bin/workshop" prefetch >"$TMPDIR/prefetch.log" 2>&1 &
  prefetching=$!
fi

title style
"$venv/bin/ruff" check .
"$venv/bin/ruff" format --check .
"$venv/bin/workshop" notebooks --check

title "unit tests"
check -q tests/unit
[ "$what" != fast ] || exit 0

title "known vulnerabilities of what is pinned"
"$python" infra/audit.py

title "what any test would fetch or compile"
fetched=0
wait "$prefetching" || fetched=$?
prefetching=""
cat "$TMPDIR/prefetch.log"
[ "$fetched" -eq 0 ] || exit "$fetched"

title "a stack for the suite: three brokers and, on Linux, Kubernetes"
"$venv/bin/workshop" up --no-lab

title "integration tests"
check -q --durations=8 tests/integration tests/notebooks

if [ -f "$WORKSHOP_STATE/local/kubeconfig" ]; then
  title "Kubernetes' behaviour"
  check -q --durations=8 tests/kubernetes
else
  title "NOT RUN: Kubernetes' behaviour: this stack has none (WORKSHOP_KUBERNETES=${WORKSHOP_KUBERNETES:-on}, $(uname -s))"
fi

strictly
# Kafka's lessons for the second time on these brokers: the exercises' tests ran all of their cells, as strictly.
title "lessons, solved"
# shellcheck disable=SC2046 # one word a lesson
lessons $("$python" tests/notebooks/lessons.py)

unset WORKSHOP_STRICT
title "Kafka's lessons as they are handed out, every exercise unanswered"
# shellcheck disable=SC2046
"$python" tests/notebooks/hand_out.py "$WORKSHOP_STATE/handed-out" $("$python" tests/notebooks/lessons.py --kafka)
lessons "$WORKSHOP_STATE/handed-out"
