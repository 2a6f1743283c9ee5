#!/bin/sh
# Makes .venv with everything that rehearsal and tests need, or leaves it as it is when nothing has changed.
set -eu
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3}

say() { printf '%s\n' "$*" >&2; }
fail() { say "environment: $1"; say "  what to do: $2"; exit 1; }

command -v "$PYTHON" >/dev/null 2>&1 || fail "there is no $PYTHON" "install Python 3.11 or newer, or name it: make PYTHON=/path/to/python3.12 ..."
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$($PYTHON --version 2>&1) is too old" "install Python 3.11 or newer, or name it: make PYTHON=/path/to/python3.12 ..."

wanted=$(cat requirements-dev.txt "$0" | cksum)
[ "$(cat .venv/.installed 2>/dev/null || true)" != "$wanted" ] || exit 0

say "environment: making .venv with the packages of requirements-dev.txt (a minute or two)"
if ! "$PYTHON" -m venv .venv; then
    # Debian keeps the module in a package of its own.
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        say "environment: installing Debian's python3-venv"
        apt-get update -qq && apt-get install -y -qq python3-venv && "$PYTHON" -m venv .venv ||
            fail "no virtual environment could be made" "install your system's venv package (Debian: python3-venv)"
    else
        fail "no virtual environment could be made" "install your system's venv package (Debian: python3-venv)"
    fi
fi
log=.venv/install.log
if ! .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt >"$log" 2>&1; then
    tail -5 "$log" >&2
    fail "the packages could not be installed (whole log: $log)" "check that Python's package index can be reached, then run the same command again"
fi
printf '%s\n' "$wanted" >.venv/.installed
say "environment: ready"
