#!/bin/sh
# Runs the named layers of tests, one after the other, and says at the end which failed. A short summary on success, the
# details on failure. COVERAGE=1 measures what they cover, all together; FULL=1 runs what takes long, too. With `--` between
# layers, those on both sides run at once: scripts/lanes.py, which begins each lane with the word `lane`.
set -u
cd "$(dirname "$0")/.."
BIN=.venv/bin
python="$BIN/python"
[ -z "${COVERAGE:-}" ] || python="$BIN/coverage run"
failed=""
mkdir -p out

layer_check() {
    $BIN/ruff format --check --quiet . || { echo "some files are not in their form; make format mends that"; return 1; }
    $BIN/ruff check --quiet . || return 1
    echo "lint: clean"
    $BIN/lint-imports --no-cache >out/imports.txt 2>&1 || { cat out/imports.txt; return 1; }
    tail -2 out/imports.txt | grep .
    # A reminder and no failure: what passed on one day passes on every other.
    $BIN/python -m infra.versions || echo "versions: see above; what to do: raise them in infra/versions.py, together"
    echo "types (the first run reads the SDKs, which takes two to three minutes)"
    $BIN/mypy
}
# A file's tests share its plans, so they stay together on one core. Other layers' plug-ins take two seconds of each process.
layer_unit() { tests unit --disable-plugin-autoload -p xdist -n logical --maxprocesses 4 --dist loadfile tests/unit; }
layer_app() { tests app tests/app tests/preflight; } # the application, and AWS as moto plays it
layer_monitoring() { tests monitoring tests/monitoring; } # gets its programs by itself
layer_cluster() { tools && tests cluster tests/cluster; }
layer_ops() { tools && tests ops tests/ops; }
layer_engine() { tools && tests engine tests/engine; }
layer_judges() {
    # One stack here, as the others differ in size only; FULL=1 has all of them judged.
    tools && tests judges tests/judges && $python -m judges ${FULL:+staging dev local} prod
}
tests() { # tests LAYER ARGUMENTS...: keeps which failed, for a second try
    kept=out/pytest/$1; shift
    [ -n "$again" ] || rm -rf "$kept"
    $python -m pytest -q -o cache_dir="$kept" $again "$@"
}
again=""
# What failed beside another lane may have failed of the other's load: a few are tried once more with the machine to themselves,
# and told by name. What fails then has failed.
try_again() { # try_again LAYER: status 0 when everything that failed has passed now
    names=$(grep -o '"[^"]*::.*"' "out/pytest/$1/v/cache/lastfailed" 2>/dev/null) || return 1
    # Counted by file: what a file's tests share, such as a stack that did not come up, fails them all.
    [ "$(echo "$names" | sed 's/::.*//' | sort -u | wc -l)" -le 5 ] || return 1
    echo "these failed beside the other lane, and are tried alone:"
    echo "$names"
    again="--last-failed --last-failed-no-failures none"
    run "$1, what failed" "layer_$1"
}
# Builds give way to the tests of the other lane.
tools() { nice -n 10 $BIN/python -m rehearsal setup; }
coverage_report() {
    $BIN/coverage combine -q && $BIN/coverage report >out/coverage.txt
    status=$?
    echo "$(grep TOTAL out/coverage.txt | awk '{print $NF}') of the statements; each file: out/coverage.txt"
    return $status
}

run() { # run NAME COMMAND: with its name before and its result behind
    echo "== $1"
    start=$(date +%s)
    if "$2"; then
        echo "== $1: passed in $(($(date +%s) - start)) s"
    else
        echo "== $1: FAILED after $(($(date +%s) - start)) s"
        failed="$failed $1"
        return 1
    fi
}

if [ "${1:-}" = lane ]; then
    shift
    for layer in "$@"; do
        run "$layer" "layer_$layer" || echo "$layer" >>out/failed-layers
    done
    [ -z "$failed" ]
    exit
fi

[ -z "${COVERAGE:-}" ] || rm -f .coverage .coverage.*
rm -f out/failed-layers
if ! $BIN/python scripts/lanes.py "$@"; then
    failed="yes"
    case "$*" in *" -- "*)
        [ ! -s out/failed-layers ] || failed=""
        while read -r layer; do try_again "$layer" </dev/null || failed="yes"; done <out/failed-layers ;;
    esac
fi
[ -z "${COVERAGE:-}" ] || run coverage coverage_report
if [ -n "$failed" ]; then
    echo "failed: see the layers above that say so"
    echo "what to do: run one layer alone, as in: make test-unit (layers: check unit app monitoring ops cluster engine judges)"
    exit 1
fi
echo "all passed"
echo "next: make rehearse shows the whole platform running here"
