#!/bin/sh
# Set up the environment and start the stack: three Kafka brokers, Kubernetes, JupyterLab. Prints JupyterLab's address.
# The options are those of `workshop up`: --no-lab, --backend NAME, --bundle DIR, --keep. It can be run again at any time.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd -P)
interrupted() {
  printf '\n%s. Run the same command again to resume.\n' "$1" >&2
  exit "$2"
}
trap 'interrupted Interrupted 130' INT
trap 'interrupted Terminated 143' TERM
trap 'exit 129' HUP # no message: the terminal is closed
WORKSHOP_STARTED_AT=$(date +%s)
export WORKSHOP_STARTED_AT

case " $* " in *" -h "* | *" --help "*)
  sed -n '2,3s/^# //p' "$0"
  exit 0
  ;;
esac
previous=
for word in "$@" ""; do
  case "$previous" in
  --bundle) WORKSHOP_BUNDLE=$word ;;
  --bundle=*) WORKSHOP_BUNDLE=${previous#--bundle=} ;;
  esac
  case "$previous" in --bundle*)
    [ -n "$WORKSHOP_BUNDLE" ] || {
      echo "--bundle takes a folder, such as the one on a USB stick." >&2
      exit 2
    }
    export WORKSHOP_BUNDLE # the environment is also made from it
    ;;
  esac
  previous=$word
done
[ "$(uname -s)" = Linux ] || [ "$(uname -s)" = Darwin ] || {
  echo "The workshop runs on Linux, in WSL2 and on macOS; this is $(uname -s)." >&2
  echo "→ On Windows, open WSL2 and run it there." >&2
  exit 1
}

. "$root/infra/environment.sh"
trap - INT TERM HUP # from here on, `workshop up` handles these signals
exec "$venv/bin/workshop" up "$@"
