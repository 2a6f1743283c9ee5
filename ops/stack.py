"""One stack that is operated: its settings, its outputs, and the ways to its engine and its cluster."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ops.cluster import Cluster, of_eks, of_kubeconfig
from ops.engine import Engine, PulumiEngine, RehearsedEngine
from ops.errors import OpsError
from stacks.configuration import NoStackError, config_in, settings_of, stack_file
from stacks.settings import AccountStackSettings, AwsSettings, LocalSettings, Settings, SettingsError

Say = Callable[[str], None]


class Stack:
    """A stack with a file. Its parts are looked up when they are first asked for. A context manager, which closes connections."""

    def __init__(self, folder: Path, name: str, engine: Engine) -> None:
        self.folder = folder
        self.name = name
        self.engine = engine

    @classmethod
    def named(cls, folder: Path, name: str, *, rehearsed: bool, say: Say) -> Self:
        """The stack of that name. Raises OpsError where there is no such file, or no rehearsal of it."""
        try:
            stack_file(folder, name, "--stack dev")
        except NoStackError as error:
            raise OpsError(str(error)) from None
        return cls(folder, name, (RehearsedEngine if rehearsed else PulumiEngine)(folder, name, say))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if "cluster" in vars(self):
            self.cluster.close()

    @property
    def file(self) -> Path:
        """Its stack file."""
        return self.folder / f"Pulumi.{self.name}.yaml"

    @property
    def rehearsed(self) -> bool:
        """Whether it is a rehearsal on this machine: AWS is simulated there, and boto3 has nothing to talk to."""
        return self.engine.rehearsed

    def settings_of(self, text: str) -> Settings:
        """What a stack file's text says. Raises OpsError with all its faults."""
        try:
            return settings_of(self.folder, self.name, config_in(text, self.file.name))
        except NoStackError as error:
            raise OpsError(str(error)) from None
        except SettingsError as error:
            raise OpsError(str(error), {"faults": error.faults}) from None

    @cached_property
    def settings(self) -> Settings:
        """What the stack file says. Raises OpsError with all its faults."""
        return self.settings_of(self.file.read_text())

    @cached_property
    def platform(self) -> AwsSettings | LocalSettings:
        """The settings of a stack that runs an application. Raises OpsError for stack `account`, which runs nothing."""
        if isinstance(self.settings, AccountStackSettings):
            raise OpsError(
                f"stack {self.name} is what an account has once; it runs nothing. Choose dev, staging, prod or local"
            )
        return self.settings

    @property
    def aws(self) -> AwsSettings:
        """The settings of a stack on AWS. Raises OpsError for others."""
        if not isinstance(self.settings, AwsSettings):
            raise OpsError(f"stack {self.name} has no part on AWS that this could work on; choose dev, staging or prod")
        return self.settings

    @property
    def protected(self) -> bool:
        """Whether dangerous commands want the stack's name typed."""
        return not isinstance(self.settings, LocalSettings) and self.settings.protection.enabled

    @cached_property
    def outputs(self) -> Mapping[str, Any]:
        """What the stack exports. Raises OpsError where it was never up."""
        outputs = self.engine.outputs()
        if not outputs:
            raise OpsError(
                f"stack {self.name} has no outputs: it was never up. Bring it up with: pulumi up --stack {self.name}"
            )
        return outputs

    @cached_property
    def resources(self) -> Sequence[Mapping[str, Any]]:
        """Everything in the engine's state when it was first asked for, secrets encrypted."""
        return self.engine.state().get("deployment", {}).get("resources") or ()

    @property
    def namespace(self) -> str:
        """Of the application's objects."""
        return str(self.outputs["namespace"])

    @cached_property
    def cluster(self) -> Cluster:
        """The way to the Kubernetes API. Raises OpsError where it doesn't answer."""
        kubeconfig = self.engine.kubeconfig()
        if kubeconfig is not None:
            return of_kubeconfig(kubeconfig, None)
        if isinstance(self.platform, LocalSettings):
            return of_kubeconfig(None, self.platform.kubernetes.context)
        return of_eks(str(self.outputs["cluster_name"]), str(self.outputs["region"]))
