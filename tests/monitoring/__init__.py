"""Tests of monitoring on real programs: Prometheus, promtool, Alertmanager, amtool."""
