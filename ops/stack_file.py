"""Changes settings in a stack file as a person would: comments and order stay, and a bad value never reaches the file."""

from collections.abc import Callable, Mapping
from io import StringIO
from typing import Any

from ruamel.yaml import YAML

from infra.naming import PROJECT
from ops.errors import OpsError, StoppedError
from ops.stack import Stack


def changed_text(text: str, changes: Mapping[str, Any]) -> str:
    """A stack file's text with other settings: a dotted path (`app.image`) to its new value, None to remove it.

    Raises OpsError for a path through what is no section.
    """
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096  # no line is broken that the author did not break
    yaml.indent(mapping=2, sequence=4, offset=2)
    content = yaml.load(text)
    for path, value in changes.items():
        first, *others = path.split(".")
        names = [f"{PROJECT}:{first}", *others]
        section = content["config"]
        for name in names[:-1]:
            if value is None and name not in section:
                break  # it is away already, with its section
            section = section.setdefault(name, {})
            if not isinstance(section, dict):
                raise OpsError(f"{path} can't be set: {name} is no section of the stack file")
        else:
            if value is None:
                section.pop(names[-1], None)
            else:
                section[names[-1]] = value
    written = StringIO()
    yaml.dump(content, written)
    return written.getvalue()


def checked(stack: Stack, changes: Mapping[str, Any]) -> str:
    """The stack file's text with the changes. Raises OpsError with all faults of the settings that they would make."""
    text = changed_text(stack.file.read_text(), changes)
    stack.settings_of(text)
    return text


def would_change(stack: Stack, changes: Mapping[str, Any], *options: str) -> list[str]:
    """What `apply` would do to the stack, as in `update Deployment/app-deployment`; the stack file stays as it is.

    `options` are of `pulumi preview`.
    """
    return stack.engine.would_change(checked(stack, changes), *options)


def apply(
    stack: Stack,
    changes: Mapping[str, Any],
    then: Callable[[], None] = lambda: None,
    why: Callable[[], str] = lambda: "",
) -> None:
    """Write the changed settings, run `pulumi up`, then `then`; what fails is turned back by a second `up` of the old file.

    `why` tells, before that, what the failure's own words don't. The new settings are checked before anything is touched. Raises
    OpsError: with the settings' faults; or with what failed, after the old settings are in effect again; or, where that failed
    too, with both.
    """
    before = stack.file.read_text()
    stack.file.write_text(checked(stack, changes))
    try:
        stack.engine.up()
        then()
    except (KeyboardInterrupt, StoppedError):
        stack.file.write_text(before)
        raise  # nobody wants another update now, and the next one goes on from here
    except Exception as failure:
        stack.file.write_text(before)
        said = str(failure) if isinstance(failure, OpsError) else f"{type(failure).__name__}: {failure}"
        said += why()
        try:
            stack.engine.up()
        except OpsError as second:
            raise OpsError(f"{said}\nTurning back failed as well:\n{second}") from failure
        raise OpsError(f"{said}\n{stack.file.name} is as before, and so is the stack.") from failure
