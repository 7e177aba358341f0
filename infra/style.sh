#!/bin/sh
# Checks the style of the whole project: lint, format, types, spelling, generated notebooks. A failing check does not stop the others.
# Usage: infra/style.sh      prints one line for each check with its seconds; exit code 1 if one failed
set -eu
root=$(cd "$(dirname "$0")/.." && pwd -P)
cd "$root"
bin=$root/.venv/bin
[ -x "$bin/ruff" ] || {
  printf '%s\n→ %s\n' "There is no Python environment in $root/.venv." "Run ./infra/bootstrap.sh --no-lab." >&2
  exit 1
}

failed=0
check() { # a name, then its command; what it prints is shown only if it fails
  name=$1
  shift
  began=$(date +%s)
  verdict=ok
  said=$("$@" 2>&1) || verdict=FAILED
  [ "$verdict" = ok ] || {
    failed=1
    printf '%s\n' "$said"
  }
  printf '%-6s %4d s  %s\n' "$verdict" "$(($(date +%s) - began))" "$name"
}

check "ruff check" "$bin/ruff" check .
check "ruff format --check" "$bin/ruff" format --check .
check mypy "$bin/mypy"
check codespell "$bin/codespell" .
check "workshop notebooks --check" "$bin/workshop" notebooks --check
exit "$failed"
