"""Game days: breaks one thing on purpose, measures until everything is back, restores what it changed, and writes it down."""
