"""Metrics, rules and who is told."""
