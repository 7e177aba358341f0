#!/bin/sh
# First start: time from a fresh clone with an empty cache to the first event read back, RUNS times (default 3).
# Usage: infra/benchmarks/fresh_clone.sh [RUNS]
#
# The last row of each run's timeline is the sum. The first table includes downloads from the package index; the second one
# repeats the runs with the packages already in the installer's cache.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd -P)
runs=${1:-3}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

one_run() { # $1: a folder for the cache
  git clone --quiet "$root" "$scratch/clone"
  WORKSHOP_CACHE="$1" "$scratch/clone/infra/bootstrap.sh" --no-lab 2>&1 | sed -n '/^Where the seconds went/,/^in all/p'
  "$scratch/clone/.venv/bin/workshop" down >/dev/null
  rm -rf "$scratch/clone"
}

echo "Empty cache:"
for _ in $(seq "$runs"); do
  rm -rf "$scratch/cache"
  one_run "$scratch/cache"
done
echo
echo "Packages in the installer's cache, the rest empty:"
for _ in $(seq "$runs"); do
  rm -rf "$scratch/cache"/kafka-*
  one_run "$scratch/cache"
done
