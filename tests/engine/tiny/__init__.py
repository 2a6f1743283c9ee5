"""A Pulumi program of a few lines with a plugin of its own, for tests of the language host and of the rehearsal itself."""
