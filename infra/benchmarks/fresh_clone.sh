#!/bin/sh
# First start: time from a fresh clone to the first event read back, with an empty cache, then with the packages in the
# installer's cache and the rest empty. Called by figures/fresh_clone.py. Lines that begin with `= ` are values.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd -P)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

one_run() { # $1: name of the figure
  git clone --quiet "$root" "$scratch/clone"
  WORKSHOP_CACHE="$scratch/cache" "$scratch/clone/infra/bootstrap.sh" --no-lab >"$scratch/log" 2>&1 || {
    cat "$scratch/log"
    exit 1
  }
  sed -n '/^Where the seconds went/,/^in all/p' "$scratch/log"
  sed -n "s/^in all .* \([0-9.]*\) s\$/= $1: \1/p" "$scratch/log"
  "$scratch/clone/.venv/bin/workshop" down >/dev/null
  rm -rf "$scratch/clone"
}

one_run "empty cache"
rm -rf "$scratch/cache"/kafka-*
one_run "cached packages"
