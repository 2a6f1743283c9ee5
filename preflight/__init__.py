"""Looks at an account before the first `pulumi up` of a stack: what is missing there is said at once, and nothing is changed."""
