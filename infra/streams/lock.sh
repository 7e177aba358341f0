#!/bin/sh
# Renew infra/streams/requirements.txt. The root's requirements.txt is the constraint, without the packages whose newest
# versions Quix Streams refuses.
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
constraints=$(mktemp)
trap 'rm -f "$constraints"' EXIT
grep -E '^[^ #]+==' "$here/../../requirements.txt" | sed 's/ \\$//' |
  grep -vE '^(confluent-kafka|pydantic|pydantic-core)==' >"$constraints"
cd "$here"
../../.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
  --constraint "$constraints" requirements.in --output-file requirements.txt
