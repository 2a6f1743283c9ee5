"""Reads a stack's configuration once, into types, and refuses what is wrong with all its faults at once."""

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_type_hints

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from infra.add_ons import AddOnsSettings, LocalAddOnsSettings
from infra.alarms.alarms import AlarmSettings
from infra.application import ApplicationSettings
from infra.backup import BackupSettings
from infra.budget import BudgetSettings
from infra.cache_settings import CacheSettings
from infra.cdn import CdnSettings
from infra.cluster import ClusterSettings
from infra.database import DatabaseSettings
from infra.delivery.roles import DeliverySettings
from infra.edge import EdgeSettings
from infra.encryption import EncryptionSettings
from infra.exports.settings import ExportsSettings
from infra.external_secrets import SecretStoreSettings
from infra.in_cluster.cache import InClusterCacheSettings
from infra.in_cluster.database import InClusterDatabaseSettings
from infra.ingress import IngressSettings
from infra.monitoring.logs import LogSettings
from infra.monitoring.stack import MonitoringSettings
from infra.monitoring.tracing import TracingSettings
from infra.network import NetworkSettings
from infra.nodes import NodesSettings
from infra.recovery import RecoverySettings
from infra.registry import RegistrySettings
from infra.secrets import SecretsSettings
from infra.settings import Section
from infra.storage import StorageSettings
from infra.tenancy import NamespaceSettings
from infra.usage import UsageSettings
from infra.workload_settings import WorkloadsSettings
from stacks.invariants import broken_invariants
from stacks.sections import AccountSettings, KubernetesSettings, ProtectionSettings

OTHER_NAMESPACES = frozenset({"pulumi"})
"""Of configuration keys that are not ours and may stand in a stack file; providers are configured by the program."""


STACK_NAME_LENGTH = 16
"""A cache's identifier is `marlinspike-<stack>-cache`, with six characters more where a snapshot has filled it, and ElastiCache
allows 40."""

STACK_NAME = rf"(?=.{{1,{STACK_NAME_LENGTH}}}$)[a-z][a-z0-9]*(-[a-z0-9]+)*"


class _Sections(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AwsSettings(_Sections):
    """A stack file with `target: aws`."""

    target: Literal["aws"]
    account: AccountSettings
    network: NetworkSettings
    encryption: EncryptionSettings = EncryptionSettings()
    cluster: ClusterSettings
    nodes: NodesSettings
    add_ons: AddOnsSettings = AddOnsSettings()
    database: DatabaseSettings = DatabaseSettings()
    cache: CacheSettings = CacheSettings()
    edge: EdgeSettings | None = None
    storage: StorageSettings = StorageSettings()
    cdn: CdnSettings | None = None
    app: ApplicationSettings
    workloads: WorkloadsSettings = {}
    monitoring: MonitoringSettings = MonitoringSettings()
    logs: LogSettings | None = None
    tracing: TracingSettings | None = None
    alarms: AlarmSettings | None = None
    budget: BudgetSettings | None = None
    usage: UsageSettings = UsageSettings()
    backup: BackupSettings | None = None
    exports: ExportsSettings | None = None
    protection: ProtectionSettings = ProtectionSettings()
    recovery: RecoverySettings | None = None
    secrets: SecretsSettings = {}
    secret_store: SecretStoreSettings = SecretStoreSettings()
    namespace: NamespaceSettings = NamespaceSettings()

    @property
    def keeps_data(self) -> bool:
        """Whether a deletion leaves anything that only the platform's key can read."""
        return (
            self.database.keep_after_deletion
            or self.cache.keep_after_deletion
            or self.storage.keep_after_deletion
            or (self.backup is not None and self.backup.keep_after_deletion)
            or (self.exports is not None and self.exports.keep_after_deletion)
        )


class LocalSettings(_Sections):
    """A stack file with `target: local`: any Kubernetes cluster, no AWS."""

    target: Literal["local"]
    kubernetes: KubernetesSettings = KubernetesSettings()
    add_ons: LocalAddOnsSettings = LocalAddOnsSettings()
    database: InClusterDatabaseSettings = InClusterDatabaseSettings()
    cache: InClusterCacheSettings = InClusterCacheSettings()
    ingress: IngressSettings | None = None
    app: ApplicationSettings
    workloads: WorkloadsSettings = {}
    namespace: NamespaceSettings = NamespaceSettings()


class AccountStackSettings(_Sections):
    """A stack file with `target: account`: what an account has once."""

    target: Literal["account"]
    account: AccountSettings
    encryption: EncryptionSettings = EncryptionSettings()
    registry: RegistrySettings | None = None
    delivery: DeliverySettings | None = None
    protection: ProtectionSettings = ProtectionSettings()


Settings = AwsSettings | LocalSettings | AccountStackSettings

TARGETS: Mapping[str, type[AwsSettings] | type[LocalSettings] | type[AccountStackSettings]] = {
    "aws": AwsSettings,
    "local": LocalSettings,
    "account": AccountStackSettings,
}


class SettingsError(Exception):
    """A stack's configuration cannot work. `faults` lists all reasons, each `section.key: what is wrong, what is allowed`."""

    def __init__(self, stack: str, faults: list[str]) -> None:
        self.faults = faults
        count = f"{len(faults)} fault" + ("s" if len(faults) > 1 else "")
        lines = "\n".join(f"  {fault}" for fault in faults)
        super().__init__(f"Pulumi.{stack}.yaml has {count}; nothing was touched.\n{lines}")


@dataclass(frozen=True)
class Surroundings:
    """What a stack must agree with beside its own file: the networks of the other committed stacks, by stack."""

    networks: Mapping[str, str]


def surroundings(project_folder: Path, stack: str) -> Surroundings:
    """Reads the network of every other `Pulumi.<stack>.yaml` beside Pulumi.yaml; files that cannot be read say nothing."""
    networks = {}
    for path in sorted(project_folder.glob("Pulumi.*.yaml")):
        other = path.name.split(".")[1]
        if other == stack:
            continue
        try:
            config = yaml.safe_load(path.read_text()).get("config", {})
            recovery = config.get("marlinspike:recovery") or {}
            restoring = recovery.get("restore_database_from")
            networks[other] = str(recovery["network_cidr"] if restoring else config["marlinspike:network"]["cidr"])
        except (yaml.YAMLError, AttributeError, KeyError, TypeError):
            continue
    return Surroundings(networks)


def as_the_engine_gives_it(config: Mapping[str, Any]) -> dict[str, str]:
    """Text for every key: objects and lists as JSON, as the engine hands configuration to a program."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}


def load(configuration: Mapping[str, str], project: str, stack: str, around: Surroundings) -> Settings:
    """Turns the engine's configuration (`<namespace>:<key>` to text, objects as JSON) into settings.

    Raises SettingsError with every fault of every section, and every broken invariant among the sections that are right.
    """
    faults: list[str] = []
    given: dict[str, str] = {}
    for key, text in configuration.items():
        namespace, _, section = key.partition(":")
        if namespace == project:
            given[section] = text
        elif namespace not in OTHER_NAMESPACES:
            faults.append(
                f"{key}: belongs to namespace {namespace}, which this program does not read; "
                f"write {project}:<section>, or remove it"
            )
    if not re.fullmatch(STACK_NAME, stack):
        faults.append(
            f"{stack}: is no name for a stack; names of AWS resources are made of it: at most {STACK_NAME_LENGTH} "
            "lower-case letters, digits and single hyphens, beginning with a letter"
        )
    # Pulumi.yaml gives optional sections the default `{}`, since Pulumi demands every key that it declares.
    given = {section: text for section, text in given.items() if text != "{}"}

    target = given.get("target", "")
    if target not in TARGETS:
        faults.append(f"target: {target or 'is missing'}; allowed are {', '.join(TARGETS)}")
        raise SettingsError(stack, faults)
    model = TARGETS[target]

    known = list(model.model_fields)
    faults.extend(
        f"{section}: unknown section for target {target}{_suggestion(section, known)}"
        for section in sorted(given.keys() - set(known))
    )

    hints = get_type_hints(model, include_extras=True)
    sections: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if name not in given:
            if field.is_required():
                faults.append(f"{name}: section is missing; see docs/settings.md for its keys")
            else:
                sections[name] = field.get_default()
            continue
        try:
            text = given[name] if _is_json(given[name]) else json.dumps(given[name])
            sections[name] = TypeAdapter(hints[name]).validate_json(text, strict=True)
        except ValidationError as error:
            faults.extend(_fault(name, detail, hints[name]) for detail in error.errors())

    faults.extend(broken_invariants({**sections, "stack": stack, "networks": around.networks}))
    if faults:
        raise SettingsError(stack, faults)
    return model.model_construct(**sections)


def _is_json(text: str) -> bool:
    return text.startswith(("{", "["))


def _fault(section: str, detail: ErrorDetails, section_type: Any) -> str:
    where = ".".join([section, *(str(part) for part in detail["loc"])])
    match detail["type"]:
        case "extra_forbidden":
            model, key = _model_at(section_type, detail["loc"][:-1]), str(detail["loc"][-1])
            if model and issubclass(model, Section) and key in model.unavailable:
                return f"{where}: {model.unavailable[key]}"
            return f"{where}: unknown setting{_suggestion(key, model.model_fields if model else [])}"
        case "missing":
            return f"{where}: is missing"
        case "value_error":
            return f"{where}: {detail['msg'].removeprefix('Value error, ')}"
        case _:
            given = detail["input"]
            seen = f" (given: {given!r})" if isinstance(given, str | int | float | bool) else ""
            return f"{where}: {detail['msg'][0].lower()}{detail['msg'][1:]}{seen}"


def _suggestion(wrong: str, known: Iterable[str]) -> str:
    known = list(known)
    close = difflib.get_close_matches(wrong, known, n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"{hint} (known: {', '.join(known)})"


def _model_at(section_type: Any, location: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The model in which a fault lies, if any."""
    current = section_type
    for part in location:
        if isinstance(part, int):
            continue  # of a list: its items' model is known from the list's type
        if isinstance(current, UnionType):  # `X | None` is no step of the way
            current = _model_within(current)
        if not (isinstance(current, type) and issubclass(current, BaseModel)):
            current = _item_type(current)
            continue
        current = _model_within(current.model_fields[str(part)].annotation)
    return _model_within(current)


def _item_type(annotation: Any) -> Any:
    """Of `dict[str, X]` in an `Annotated`: X."""
    for argument in getattr(annotation, "__args__", ()):
        found = _model_within(argument)
        if found:
            return found
    return None


def _model_within(annotation: Any) -> type[BaseModel] | None:
    """The model in `X`, `X | None`, `Annotated[X, ...]` or `dict[str, X]`, or none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _model_within(argument)
        if found:
            return found
    return None
