# Create the Python environment in .venv if it is missing or out of date; sourced by bootstrap.sh and test.sh. Works in sh.
# Needs $root; sets $python. Everything is pinned by hash: pip and uv in installer.txt, the rest in requirements.txt.
# With WORKSHOP_BUNDLE all packages come from that folder, without a network.

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "$1"
  [ -z "${2:-}" ] || say "→ $2"
  exit 1
}

pwd -P >/dev/null 2>&1 || cd "$root" # the working directory was deleted: pip would fail
[ -n "${WORKSHOP_CACHE:-}${XDG_CACHE_HOME:-}${HOME:-}" ] ||
  fail "HOME is not set, so there is no folder for downloads." "Set HOME, or set WORKSHOP_CACHE to a folder."
cache=${WORKSHOP_CACHE:-${XDG_CACHE_HOME:-${HOME:-}/.cache}/kafka-kubernetes-workshop}
case "$root$cache" in *:* | *,*)
  fail "The path of the project or of its cache contains a colon or a comma: $root, $cache." \
    "Java treats these as separators. Move the project, or set WORKSHOP_CACHE."
  ;;
esac
venv=$root/.venv
python=$venv/bin/python
unset PYTHONDEVMODE PYTHONDONTWRITEBYTECODE PYTHONHOME PYTHONIOENCODING PYTHONOPTIMIZE PYTHONPATH PYTHONWARNINGS

bundle=${WORKSHOP_BUNDLE:-}
carried=$root/infra/workshop/stack/bundle/carried.py
bundle=${bundle%%#sha256=*}
case "$bundle" in "~/"*) bundle=$HOME/${bundle#"~/"} ;; esac
brought= # the Python versions of the bundle's packages; empty: any
[ -z "$bundle" ] || brought=$(sed -n 's/^ *"pythons": "\([0-9. ]*\)",*$/\1/p' "$bundle/bundle.json" 2>/dev/null || true)

is_new_enough() {
  # shellcheck disable=SC2086 # one word per version
  "$1" -c 'import sys
version = sys.version_info[:2]
sys.exit(not (3, 11) <= version <= (3, 14) or (len(sys.argv) > 1 and "%d.%d" % version not in sys.argv))' $brought 2>/dev/null
}

find_python() {
  if [ -n "${WORKSHOP_PYTHON:-}" ]; then
    command -v "$WORKSHOP_PYTHON" >/dev/null 2>&1 ||
      fail "WORKSHOP_PYTHON is $WORKSHOP_PYTHON, which does not exist." "Set it to a Python from 3.11 to 3.14, or unset it."
    is_new_enough "$WORKSHOP_PYTHON" ||
      fail "WORKSHOP_PYTHON is $WORKSHOP_PYTHON, which is $("$WORKSHOP_PYTHON" --version 2>&1 | head -1)." \
        "Set it to a Python from 3.11 to 3.14, or unset it."
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
  # Debian and Ubuntu without python3-venv: create the environment without pip, then download pip, pinned by its hash.
  rm -rf "$venv"
  "$base" -m venv --without-pip "$venv" ||
    fail "The environment could not be created in $venv." "Check the free disk space and your rights in that folder."
  "$python" "$root/infra/fetch_pip.py" "$root/infra/installer.txt" "$venv" ${bundle:+"$bundle/wheels"} || exit 1
}

# uv needs seconds where pip needs a minute. It does not read pip's settings for a mirror, so they are passed to it.
install_with_uv() {
  index=$("$python" -m pip config get global.index-url 2>/dev/null || true)
  UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-$index}}
  [ -n "$UV_DEFAULT_INDEX" ] && export UV_DEFAULT_INDEX || unset UV_DEFAULT_INDEX
  [ -z "${PIP_CERT:-}" ] || export SSL_CERT_FILE="${SSL_CERT_FILE:-$PIP_CERT}"
  export UV_SYSTEM_CERTS=1
  set -- "$venv/bin/uv" pip install --quiet --no-config --python "$python" --require-hashes -r "$root/requirements.txt"
  "$@" --offline 2>/dev/null || quietly "$@" # first from the cache alone
}

# Run a command; if it fails, print the last lines of its output.
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
      say "uv could not install the packages; trying pip, which is slower …"
      quietly "$python" -m pip install --quiet "$@" -r "$root/requirements.txt"
    }; } || fail "The packages of the bundle $bundle could not be installed; the reason is in the lines above." \
    "Check the free disk space. If there is enough, copy the bundle to the stick again, and run this again."
  install_the_workshop
}

install_the_workshop() {
  # Python 3.11 installs an old setuptools into every environment; the workshop does not need it.
  "$python" -m pip uninstall --quiet --yes setuptools 2>/dev/null || true
  "$python" -m pip install --quiet --no-deps --no-build-isolation --no-index --editable "$root" ||
    fail "The workshop's own package could not be installed; the reason is in the lines above." \
      "Delete $venv and run this again."
  make_the_launcher
}

# Python prints a traceback after a Ctrl-C during its own start. The command `workshop` therefore starts it with SIGINT
# blocked, until workshop/cli/entry.py has set its handler. If `env` cannot block signals (macOS), SIGINT is ignored for these
# milliseconds.
make_the_launcher() {
  start="trap '' INT; exec"
  ! env --block-signal=INT true 2>/dev/null || start="exec env --block-signal=INT"
  quoted=$(printf '%s\n' "$python" | sed "s/'/'\\\\''/g")
  {
    printf '#!/bin/sh\n# Made by infra/environment.sh.\nunset PYTHONHOME PYTHONOPTIMIZE PYTHONPATH\n'
    printf "%s '%s' -P -c 'import sys; from workshop.cli.entry import main; sys.exit(main())' \"\$@\"\n" "$start" "$quoted"
  } >"$venv/bin/.workshop"
  chmod 755 "$venv/bin/.workshop"
  mv -f "$venv/bin/.workshop" "$venv/bin/workshop"
}

install() {
  say "Installing the packages of requirements.txt …"
  # The installer's wheels are cached, so that a second checkout needs no network.
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
    fail "The installer (pip, uv) could not be downloaded." \
      "Check the network. With a mirror of the package index set PIP_INDEX_URL, behind a proxy https_proxy; then run this again."
  if ! install_with_uv; then
    say "uv could not install the packages; trying pip, which is slower …"
    quietly "$python" -m pip install --quiet --require-hashes -r "$root/requirements.txt" ||
      fail "The packages of requirements.txt could not be installed; the reason is in the lines above." \
        "Check the network and the disk space. With a mirror set PIP_INDEX_URL, behind a proxy https_proxy; then run this again."
  fi
  install_the_workshop
}

# The inputs of the environment: if they have not changed, it is up to date.
fingerprint() {
  cat "$root/requirements.txt" "$root/infra/installer.txt" "$root/pyproject.toml" "$root/infra/environment.sh" | cksum
  printf '%s\n' "$root"
}

export PIP_CACHE_DIR="$cache/pip" UV_CACHE_DIR="$cache/uv" PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
export PIP_NO_WARN_SCRIPT_LOCATION=1 PIP_USER=0 # into .venv, also if these variables or pip's setting `user` name another place
unset PIP_PREFIX PIP_ROOT PIP_TARGET
mkdir -p "$cache/tmp" 2>/dev/null && [ -w "$cache/tmp" ] ||
  fail "The cache folder $cache cannot be written." "Set WORKSHOP_CACHE to a folder that you may write."

if [ "$(cat "$venv/made-from" 2>/dev/null)" != "$(fingerprint)" ] || ! "$python" -c '' 2>/dev/null; then
  (
    export TMPDIR="$cache/tmp" # so that an interrupted step leaves no files in other folders
    make_venv
    install
  ) || exit 1
  fingerprint >"$venv/made-from"
fi
