# Makes the Python environment in .venv, or finds it made; sourced by bootstrap.sh and test.sh. Works in sh.
# Needs $root; sets $python. Everything is pinned by hash: pip and uv in installer.txt, the rest in requirements.txt.
# With WORKSHOP_BUNDLE everything comes from that folder, and no network is asked.

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "$1"
  [ -z "${2:-}" ] || say "→ $2"
  exit 1
}

pwd -P >/dev/null 2>&1 || cd "$root" # the current folder was deleted, and pip fails in one that is not there
[ -n "${WORKSHOP_CACHE:-}${XDG_CACHE_HOME:-}${HOME:-}" ] ||
  fail "HOME is not set, so there is no folder for what is fetched." "Set HOME, or WORKSHOP_CACHE to a folder."
cache=${WORKSHOP_CACHE:-${XDG_CACHE_HOME:-${HOME:-}/.cache}/kafka-kubernetes-workshop}
case "$root$cache" in *:* | *,*)
  fail "The path of the project or of its cache has a colon or a comma: $root, $cache." \
    "Java reads these as the end of a path. Move the project, or set WORKSHOP_CACHE."
  ;;
esac
venv=$root/.venv
python=$venv/bin/python
unset PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME

bundle=${WORKSHOP_BUNDLE:-}
carried=$root/infra/workshop/stack/bundle/carried.py
bundle=${bundle%%#sha256=*}
case "$bundle" in "~/"*) bundle=$HOME/${bundle#"~/"} ;; esac
brought= # the Pythons that a bundle brings packages for; empty: any
[ -z "$bundle" ] || brought=$(sed -n 's/^ *"pythons": "\([0-9. ]*\)",*$/\1/p' "$bundle/bundle.json" 2>/dev/null || true)

is_new_enough() {
  # shellcheck disable=SC2086 # one word a version
  "$1" -c 'import sys
version = sys.version_info[:2]
sys.exit(not (3, 11) <= version <= (3, 14) or (len(sys.argv) > 1 and "%d.%d" % version not in sys.argv))' $brought 2>/dev/null
}

find_python() {
  if [ -n "${WORKSHOP_PYTHON:-}" ]; then
    command -v "$WORKSHOP_PYTHON" >/dev/null 2>&1 ||
      fail "WORKSHOP_PYTHON names $WORKSHOP_PYTHON, which is not there." "Name a Python from 3.11 to 3.14, or unset it."
    is_new_enough "$WORKSHOP_PYTHON" ||
      fail "WORKSHOP_PYTHON names $WORKSHOP_PYTHON, which is $("$WORKSHOP_PYTHON" --version 2>&1 | head -1)." \
        "Name a Python from 3.11 to 3.14, or unset it."
    command -v "$WORKSHOP_PYTHON"
    return
  fi
  for candidate in python3 python3.14 python3.13 python3.12 python3.11 python; do
    if command -v "$candidate" >/dev/null 2>&1 && is_new_enough "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
  [ -z "$brought" ] ||
    fail "The bundle $bundle brings packages for Python $brought; no such Python is on the PATH." \
      "Name one by WORKSHOP_PYTHON, or make the bundle with \`--python\` and this machine's."
  there=$(command -v python3 >/dev/null && python3 --version 2>&1 || echo "no python3")
  fail "The workshop needs Python 3.11, 3.12, 3.13 or 3.14; on the PATH is: $there." \
    "Install one of them, or name it: WORKSHOP_PYTHON=/path/to/python3.12 $0"
}

make_venv() {
  base=$(find_python) || exit 1
  [ -z "$bundle" ] || "$base" -I -S "$carried" "$WORKSHOP_BUNDLE" "$root" || exit 1
  "$base" -c 'import venv' 2>/dev/null ||
    fail "$base has no module venv." "Install it (on Debian: python3-venv), or name another Python by WORKSHOP_PYTHON."
  rm -rf "$venv"
  if "$base" -c 'import ensurepip, venv' 2>/dev/null && "$base" -m venv "$venv" 2>/dev/null; then
    return
  fi
  # Debian and Ubuntu without python3-venv: the environment is made without pip, which is then fetched, pinned by its hash.
  rm -rf "$venv"
  "$base" -m venv --without-pip "$venv" ||
    fail "The environment could not be made in $venv." "Is there space on the disk, and may you write there?"
  "$python" "$root/infra/fetch_pip.py" "$root/infra/installer.txt" "$venv" ${bundle:+"$bundle/wheels"} || exit 1
}

# uv installs in seconds what takes pip a minute. It reads pip's settings for a mirror only if told.
install_with_uv() {
  index=$("$python" -m pip config get global.index-url 2>/dev/null || true)
  UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-$index}}
  [ -n "$UV_DEFAULT_INDEX" ] && export UV_DEFAULT_INDEX || unset UV_DEFAULT_INDEX
  [ -z "${PIP_CERT:-}" ] || export SSL_CERT_FILE="${SSL_CERT_FILE:-$PIP_CERT}"
  export UV_SYSTEM_CERTS=1
  set -- "$venv/bin/uv" pip install --quiet --no-config --python "$python" --require-hashes -r "$root/requirements.txt"
  "$@" --offline 2>/dev/null || quietly "$@" # first from the cache alone
}

# What a command says of itself is shown only if it fails, and then only its end.
quietly() {
  "$@" >"$cache/tmp/said" 2>&1 && return
  code=$?
  tail -n 4 "$cache/tmp/said" >&2
  return "$code"
}

install_from_bundle() {
  set -- --no-index --find-links "$bundle/wheels" --require-hashes
  quietly "$python" -m pip install --quiet "$@" -r "$root/infra/installer.txt" &&
    { quietly "$venv/bin/uv" pip install --quiet --no-config --offline --python "$python" "$@" \
      -r "$root/requirements.txt" || {
      say "uv could not install them; trying with pip, which is slower …"
      quietly "$python" -m pip install --quiet "$@" -r "$root/requirements.txt"
    }; } || fail "The packages of the bundle $bundle could not be installed; the lines above say why." \
    "Is there space on the disk? If so, copy the bundle to the stick again, and run this again."
  install_the_workshop
}

install_the_workshop() {
  # Python 3.11 puts an old setuptools into every environment; nothing here needs it.
  "$python" -m pip uninstall --quiet --yes setuptools 2>/dev/null || true
  "$python" -m pip install --quiet --no-deps --no-build-isolation --no-index --editable "$root" ||
    fail "The workshop's own package could not be installed; the lines above say why." "Delete $venv and run this again."
  make_the_launcher
}

# Python answers a Ctrl-C during its own start with a traceback. So the command `workshop` starts it with SIGINT blocked, until
# workshop/cli/entry.py has its handler; where `env` cannot block signals (macOS), SIGINT is ignored for these milliseconds.
make_the_launcher() {
  start="trap '' INT; exec"
  ! env --block-signal=INT true 2>/dev/null || start="exec env --block-signal=INT"
  quoted=$(printf '%s\n' "$python" | sed "s/'/'\\\\''/g")
  {
    printf '#!/bin/sh\n# Made by infra/environment.sh.\n'
    printf "%s '%s' -P -c 'import sys; from workshop.cli.entry import main; sys.exit(main())' \"\$@\"\n" "$start" "$quoted"
  } >"$venv/bin/.workshop"
  chmod 755 "$venv/bin/.workshop"
  mv -f "$venv/bin/.workshop" "$venv/bin/workshop"
}

install() {
  say "Installing the packages of requirements.txt …"
  # The installer's wheels are kept, so that a second checkout needs no network.
  [ -z "$bundle" ] || {
    install_from_bundle
    return
  }
  wheels=$cache/installer
  mkdir -p "$wheels"
  set -- --quiet --require-hashes -r "$root/infra/installer.txt"
  "$python" -m pip install "$@" --no-index --find-links "$wheels" 2>/dev/null ||
    { quietly "$python" -m pip download "$@" --dest "$wheels" &&
      quietly "$python" -m pip install "$@" --no-index --find-links "$wheels"; } ||
    fail "The installer (pip, uv) could not be fetched." \
      "Check the network. With a mirror of the package index set PIP_INDEX_URL, behind a proxy https_proxy; then run this again."
  if ! install_with_uv; then
    say "uv could not install them; trying with pip, which is slower …"
    quietly "$python" -m pip install --quiet --require-hashes -r "$root/requirements.txt" ||
      fail "The packages of requirements.txt could not be installed; the lines above say why." \
        "Check the network and the disk. With a mirror set PIP_INDEX_URL, behind a proxy https_proxy; then run this again."
  fi
  install_the_workshop
}

# What the environment was made from: the same again means there is nothing to do.
fingerprint() {
  cat "$root/requirements.txt" "$root/infra/installer.txt" "$root/pyproject.toml" "$root/infra/environment.sh" | cksum
  printf '%s\n' "$root"
}

export PIP_CACHE_DIR="$cache/pip" UV_CACHE_DIR="$cache/uv" PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
export PIP_NO_WARN_SCRIPT_LOCATION=1
mkdir -p "$cache/tmp" 2>/dev/null && [ -w "$cache/tmp" ] ||
  fail "The cache folder $cache cannot be written." "Set WORKSHOP_CACHE to a folder that you may write."

if [ "$(cat "$venv/made-from" 2>/dev/null)" != "$(fingerprint)" ] || ! "$python" -c '' 2>/dev/null; then
  (
    export TMPDIR="$cache/tmp" # an interrupted step leaves nothing elsewhere
    make_venv
    install
  ) || exit 1
  fingerprint >"$venv/made-from"
fi
