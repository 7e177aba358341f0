#!/bin/sh
# Run the checks of the project on stacks of their own. A running stack is not touched.
# Usage: infra/test.sh [PART ...] [--full] [--backend kind] [--busy] [--lanes N]; `infra/test.sh --help` lists all options.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd -P)
. "$root/infra/environment.sh"
cd "$root"
{ true 3<&0; } 2>/dev/null || exec </dev/null # pytest needs a standard input, if only an empty one
exec "$python" "$root/tests/suite" "$@"
