#!/bin/sh
# Runs the named layers of tests, one after the other, and says at the end which failed. A short summary on success, the
# details on failure. COVERAGE=1 measures what each layer covers.
set -u
cd "$(dirname "$0")/.."
BIN=.venv/bin
failed="" 
run="$BIN/python -m"
[ -z "${COVERAGE:-}" ] || run="$BIN/coverage run --parallel-mode -m"

seconds() { date +%s; }

layer_check() {
    $BIN/ruff format --check --quiet . && $BIN/ruff check --quiet . && $BIN/lint-imports --no-cache >/tmp/.imports.$$ 2>&1
    status=$?
    [ $status = 0 ] || cat /tmp/.imports.$$ 2>/dev/null
    rm -f /tmp/.imports.$$
    [ $status = 0 ] && $BIN/mypy
}
layer_unit() { $run pytest -q tests/unit; }
layer_app() { $run pytest -q tests/app; }
layer_cluster() { $run pytest -q tests/cluster; }
layer_engine() { $run pytest -q tests/engine; }

for layer in "$@"; do
    echo "== $layer"
    start=$(seconds)
    if "layer_$layer"; then
        echo "== $layer: passed in $(($(seconds) - start)) s"
    else
        echo "== $layer: FAILED after $(($(seconds) - start)) s"
        failed="$failed $layer"
    fi
done
if [ -n "$failed" ]; then
    echo "failed:$failed"
    echo "what to do: run one of them alone, as in: make test-${failed##* }"
    exit 1
fi
echo "all passed: $*"
echo "next: make rehearse STACK=prod shows the whole platform running here"
