#!/bin/sh
# Makes .venv with everything that rehearsal and tests need, or leaves it as it is when nothing has changed.
set -eu
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3}

say() { printf '%s\n' "$*" >&2; }
fail() { say "environment: $1"; say "  what to do: $2"; exit 1; }

# The folder belongs to it: the commands in .venv/bin name it, and do not run in a clone that was moved.
wanted=$({ cat requirements-dev.txt scripts/environment.sh; pwd; } | cksum)
ready() { [ "$(cat .venv/.installed 2>/dev/null)" = "$wanted" ] && .venv/bin/python -c '' 2>/dev/null; }
if ready; then exit 0; fi

advice="install Python 3.11 or newer, or name it: make PYTHON=/path/to/python3.12 ..."
command -v "$PYTHON" >/dev/null 2>&1 || fail "there is no $PYTHON" "$advice"
version=$("$PYTHON" -c 'import platform; print(platform.python_version())' 2>&1) || fail "$PYTHON does not run: $version" "$advice"
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "$PYTHON is Python $version, which is too old" "$advice"

if command -v flock >/dev/null 2>&1; then # two commands side by side in a fresh clone: one makes it, the other waits
    exec 9<scripts/environment.sh
    flock -n 9 || { say "environment: another command is making .venv; waiting for it"; flock 9; }
    if ready; then exit 0; fi
fi

say "environment: making .venv with the packages of requirements-dev.txt (a minute or two)"
rm -f .venv/.installed
# Begun anew where the Python that it was made of is gone, or the clone was moved.
{ .venv/bin/python -c '' 2>/dev/null && grep -qF " $(pwd)/.venv" .venv/pyvenv.cfg; } || rm -rf .venv
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
: >"$log"
# Until this script ends, however it ends: a line now and then, for pip in a log says nothing for minutes.
how_far() { grep -q '^Installing' "$log" && echo "installing" || echo "$(grep -c '^ *Downloading\|^Processing' "$log") packages fetched"; }
( while sleep 10 >/dev/null 2>&1 && kill -0 $$ 2>/dev/null; do say "environment: $(how_far)"; done ) 9<&- &
ticker=$!
trap 'kill $ticker 2>/dev/null' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
if ! .venv/bin/python -m pip install --progress-bar off --disable-pip-version-check --require-hashes -r requirements-dev.txt >"$log" 2>&1; then
    grep '^ERROR' "$log" | tail -5 >&2
    case $(cat "$log") in
    *"No space left on device"*)
        fail "the packages could not be installed: the disk is full (whole log: $log)" "free 1.5 GB, then run the same command again" ;;
    *NewConnectionError* | *ConnectTimeoutError* | *ProxyError* | *"Read timed out"* | *"Connection broken"* | *"(from versions: none)"*)
        fail "the packages could not be installed: Python's package index can't be reached, or is empty (whole log: $log)" \
            "connect to the internet, or name a mirror with PIP_INDEX_URL, then run the same command again" ;;
    *) fail "the packages could not be installed (whole log: $log)" "read the log, then run the same command again" ;;
    esac
fi
printf '%s\n' "$wanted" >.venv/.installed
say "environment: ready"
