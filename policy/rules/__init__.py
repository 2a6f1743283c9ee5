"""The rules, a file for each subject; `RULES` in each lists its own."""
