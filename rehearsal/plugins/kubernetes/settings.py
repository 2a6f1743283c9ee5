"""The provider's own configuration.

What it may hold, what a change of it means for the objects, and the settings made of it.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rehearsal import kubeconfig
from rehearsal.plugins.inputs import Problem
from rehearsal.plugins.kubernetes import types
from rehearsal.plugins.kubernetes.properties import UNKNOWN, Properties, plain
from rehearsal.plugins.wire import has_unknown
from rehearsal.variables import RESUMED

_NOT_SIMULATED = frozenset({"alwaysRender", "renderYamlToDirectory"})
_OF_THE_ENGINE = frozenset({"version", "pluginDownloadURL", "pluginChecksums", "parameterization"})


@dataclass(frozen=True)
class ProviderSettings:
    """The configuration that every operation works with.

    `kubeconfig` is None while it is unknown (first preview of a stack with a new cluster).
    """

    kubeconfig: str | None = ""
    context: str = ""
    cluster: str = ""
    namespace: str = ""
    delete_unreachable: bool = False
    enable_config_map_mutable: bool = False
    enable_patch_force: bool = False
    enable_secret_mutable: bool = False
    upsert_existing_objects: bool = False

    def __repr__(self) -> str:  # a kubeconfig may hold a credential
        return f"ProviderSettings(context={self.context!r}, namespace={self.namespace!r})"


def check(config: Properties) -> list[Problem]:
    """All faults of a provider's configuration."""
    known, failures = types.provider_settings(), []
    for key, secret in config.items():
        value = plain(secret)
        if key in _OF_THE_ENGINE or key.startswith("__") or has_unknown(value):
            continue
        if key in _NOT_SIMULATED:
            failures.append(
                Problem(
                    key,
                    f"{key} is not simulated: the rehearsal applies objects to an API server, and writes them to "
                    "out/<stack>/manifests itself",
                )
            )
        elif key not in known:
            allowed = ", ".join(sorted(known.keys() - _NOT_SIMULATED))
            failures.append(Problem(key, f"the kubernetes provider has no setting {key!r}; allowed: {allowed}"))
        elif str in known[key] and not isinstance(value, str):
            failures.append(Problem(key, f"{key} must be a string"))
        elif bool in known[key] and _switch(value) is None:
            failures.append(Problem(key, f"{key} must be true or false"))
    if _switch(plain(config.get("enableServerSideApply", True))) is False:
        failures.append(
            Problem(
                "enableServerSideApply",
                "client-side apply is not simulated; leave enableServerSideApply at true, its default",
            )
        )
    return failures


def read(config: Properties) -> ProviderSettings:
    """The settings of a configuration that `check` found no fault in."""
    values = {key: plain(value) for key, value in config.items()}

    def switch(key: str) -> bool:
        return bool(_switch(values.get(key)))

    def text(key: str) -> str:
        value = values.get(key, "")
        return value if isinstance(value, str) else ""

    return ProviderSettings(
        kubeconfig=None if values.get("kubeconfig") is UNKNOWN else text("kubeconfig"),
        context=text("context"),
        cluster=text("cluster"),
        namespace=text("namespace"),
        delete_unreachable=switch("deleteUnreachable"),
        enable_config_map_mutable=switch("enableConfigMapMutable"),
        enable_patch_force=switch("enablePatchForce"),
        enable_secret_mutable=switch("enableSecretMutable"),
        upsert_existing_objects=switch("upsertExistingObjects") or os.environ.get(RESUMED) == "true",
    )


def _switch(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value) if isinstance(value, str) else None


@dataclass(frozen=True)
class ConfigDifference:
    """Which keys of a provider's configuration changed, and which of them replace every object behind it."""

    changed: tuple[str, ...]
    replacing: tuple[str, ...]


def difference(old: Properties, new: Properties) -> ConfigDifference:
    """The real provider's rule: objects are replaced when the cluster is another one.

    With a `clusterIdentifier` that stays the same nothing is replaced, whatever the kubeconfig says; a new identifier
    replaces. Without one, the active cluster's settings in the kubeconfig decide, and an unknown kubeconfig counts as
    another cluster.
    """
    before, after = plain(old), plain(new)
    changed = tuple(
        sorted(key for key in {**before, **after} if before.get(key) != after.get(key) and not key.startswith("__"))
    )
    if not changed:
        return ConfigDifference((), ())
    identifier = after.get("clusterIdentifier")
    if identifier and before.get("clusterIdentifier") == identifier:
        return ConfigDifference(changed, ())
    replacing = (
        ["clusterIdentifier"]
        if "clusterIdentifier" in changed and identifier and before.get("clusterIdentifier")
        else []
    )
    connecting = [key for key in ("kubeconfig", "context", "cluster") if key in changed]
    if any(after.get(key) is UNKNOWN for key in connecting) or (connecting and _active(before) != _active(after)):
        replacing += connecting
    return ConfigDifference(changed, tuple(replacing))


def _active(config: Mapping[str, Any]) -> str | None:
    text = config.get("kubeconfig")
    try:
        parsed = kubeconfig.parse(text if isinstance(text, str) and text else kubeconfig.ambient())
        return json.dumps(
            kubeconfig.active_cluster(parsed, str(config.get("context", "")), str(config.get("cluster", ""))),
            sort_keys=True,
        )
    except kubeconfig.KubeconfigError:
        return None
