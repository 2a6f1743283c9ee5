#!/bin/sh
# Compiles the lock files: the program's, the application's, the one of everybody who works on them, checkov's, and the benchmark's peers'.
set -eu
cd "$(dirname "$0")/.."
compile() { # compile OUTPUT ARGUMENTS...
    output=$1; shift
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
        --custom-compile-command "make lock" --output-file "$output" "$@"
    echo "$output"
}
compile app/requirements.txt app/pyproject.toml
# What both name is one version, since requirements-dev.txt holds both.
compile requirements.txt --constraint app/requirements.txt pyproject.toml
compile requirements-dev.txt --extra dev --constraint app/requirements.txt --constraint requirements.txt pyproject.toml app/pyproject.toml
compile judges/requirements.txt judges/requirements.in
compile benchmarks/peers/requirements.txt benchmarks/peers/requirements.in
