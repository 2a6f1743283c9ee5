"""Measurements of the project; `make bench` runs them and writes docs/benchmarks.md."""
