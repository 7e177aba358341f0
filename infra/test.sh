#!/bin/sh
# Runs every check of the project on brokers of its own: own state folder, own ports, own data. A running stack is not touched.
# Usage: infra/test.sh [fast]     fast: the style and the unit tests only, without brokers
set -eu
root=$(cd "$(dirname "$0")/.." && pwd -P)
. "$root/infra/environment.sh"
cd "$root"

export WORKSHOP_BACKEND="${WORKSHOP_BACKEND:-local}"
export WORKSHOP_FIRST_PORT="${WORKSHOP_FIRST_PORT:-23090}" WORKSHOP_PATIENCE="${WORKSHOP_PATIENCE:-240}"
mkdir -p "$root/.workshop"
WORKSHOP_STATE=$(mktemp -d "$root/.workshop/suite.XXXXXX")
export WORKSHOP_STATE IPYTHONDIR="$WORKSHOP_STATE/ipython" TMPDIR="$WORKSHOP_STATE/tmp"
mkdir -p "$TMPDIR" "$IPYTHONDIR/profile_default"

clean_up() {
  code=$?
  trap - EXIT INT TERM
  "$venv/bin/workshop" down >/dev/null 2>&1 || true
  if [ "$code" -ne 0 ] && [ -d "$WORKSHOP_STATE/logs" ]; then
    rm -rf "$root/.workshop/failed-suite-logs"
    cp -r "$WORKSHOP_STATE/logs" "$root/.workshop/failed-suite-logs"
    say "The brokers' logs of this run are in .workshop/failed-suite-logs."
  fi
  rm -rf "$WORKSHOP_STATE"
  exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

title() { printf '\n=== %s\n' "$*"; }
check() { "$python" -m pytest "$@"; }
lessons() { check -q --nbval-lax --nbval-current-env --nbval-cell-timeout=120 "$@"; }

title style
"$venv/bin/ruff" check .
"$venv/bin/ruff" format --check .
"$venv/bin/workshop" notebooks --check

title "unit tests"
check -q tests/unit
[ "${1:-}" != fast ] || exit 0

title "three brokers for the suite"
"$venv/bin/workshop" up --no-lab

title "integration tests"
check -q --durations=8 tests/integration tests/notebooks

# A failing !command is an error here, and so is an exercise that is not passed.
echo 'c.InteractiveShell.system_raise_on_error = True' >"$IPYTHONDIR/profile_default/ipython_config.py"
export WORKSHOP_STRICT=1
title "lessons, solved"
lessons solutions
title "lessons, solved, again on the same brokers"
lessons solutions

unset WORKSHOP_STRICT
title "lessons as they are handed out, every exercise unanswered"
"$python" tests/notebooks/hand_out.py "$WORKSHOP_STATE/handed-out"
lessons "$WORKSHOP_STATE/handed-out"
