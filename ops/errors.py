"""What a command says when it can't do its work."""


class OpsError(Exception):
    """A command ends without having done its work; the message says what is wrong, why, and what to do. Exit status 1."""


class DeclinedError(OpsError):
    """Nobody confirmed a dangerous command; nothing was touched."""
