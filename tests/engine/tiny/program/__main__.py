"""Registers a Thing for each configured name, one after the other; what it exports tells how it was run."""

import os
import sys

import pulumi


class Thing(pulumi.CustomResource):
    """A resource of the plugin `tiny`, which takes `seconds` to make."""

    def __init__(self, name: str, seconds: int, opts: pulumi.ResourceOptions) -> None:
        super().__init__(
            "tiny:index:Thing", name, {"seconds": seconds, "password": pulumi.Output.secret("hunter2")}, opts
        )


config = pulumi.Config()
before: list[pulumi.Resource] = []
for thing in config.require_object("names"):
    before = [
        Thing(
            thing,
            config.get_int("seconds") or 0,
            pulumi.ResourceOptions(depends_on=before, protect=thing == "protected"),
        )
    ]

pulumi.export("working directory", os.getcwd())  # noqa: PTH109
pulumi.export("python", sys.executable)
app = config.get_object("app")
if app:
    pulumi.export("image", app["image"])
pulumi.export("virtual environment", os.environ.get("VIRTUAL_ENV"))
code = config.get_int("exit") or 0
if code:
    sys.exit(code)
