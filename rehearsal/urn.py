"""What a URN says of its resource: `urn:pulumi:<stack>::<project>::<type of the outermost parent>$...$<type>::<name>`."""


def name_of(urn: str) -> str:
    """The resource's name in the program."""
    return urn.split("::", 3)[-1]


def types_of(urn: str) -> list[str]:
    """The type tokens of its parents, the outermost first, and at the end its own; none for what is no URN."""
    return urn.split("::")[2].split("$") if urn.count("::") >= 3 else []


def type_of(urn: str) -> str:
    """Its own type token, such as `aws:ec2/vpc:Vpc`; empty for what is no URN."""
    return next(reversed(types_of(urn)), "")
