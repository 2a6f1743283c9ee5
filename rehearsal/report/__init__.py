"""The report of a rehearsal: one HTML page that shows what a stack is, from what a rehearsal leaves."""
