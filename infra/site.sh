#!/bin/sh
# Build the site in runs/site: make the environment, execute the lessons that have no outputs yet, and build the pages.
# A stack that does not run is started, and stopped at the end; the lessons that need Kubernetes wait until it is built.
# With --without-outputs no lesson is executed.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd -P)

case " $* " in *" -h "* | *" --help "*)
  sed -n '2,4s/^# //p' "$0"
  exit 0
  ;;
esac

. "$root/infra/environment.sh"
workshop=$venv/bin/workshop

case " $* " in *" --without-outputs "*) exec "$workshop" site "$@" ;; esac
if ! "$workshop" status >/dev/null 2>&1; then
  trap '"$workshop" down' EXIT
  "$workshop" up --no-lab
fi
"$workshop" site --run "$@"
