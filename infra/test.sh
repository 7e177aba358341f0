#!/bin/sh
# Run the checks of the project on stacks of their own. A running stack is not touched.
# Usage: infra/test.sh [PART ...] [--full] [--backend kind] [--busy] [--lanes N]; `infra/test.sh --help` lists all options.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd -P)
. "$root/infra/environment.sh"
cd "$root"
exec "$python" "$root/tests/suite" "$@"
