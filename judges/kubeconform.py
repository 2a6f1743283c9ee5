"""kubeconform: whether each Kubernetes object has the form that its kind's schema demands, unknown fields refused."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from judges.asking import json_report
from judges.findings import Finding, Opinion
from judges.schemas import LOCATION, write_schemas
from judges.tools import Judges
from rehearsal.control_plane.api import Api

CHECK = "schema"
"""The one check that it has."""


def ask(judges: Judges, manifests: Sequence[Path], api: Api, schemas: Path) -> Opinion:
    """What kubeconform says of the files, by the schemas of `api`, which are written to the folder `schemas`."""
    version = judges.versions["kubeconform"]
    if not manifests:
        return Opinion("kubeconform", version, 0)
    objects = [yaml.safe_load(file.read_text()) for file in manifests]
    shutil.rmtree(schemas, ignore_errors=True)
    write_schemas(api, [(each["apiVersion"], each["kind"]) for each in objects], schemas)
    command = [str(judges.kubeconform), "-strict", "-verbose", "-output", "json"]
    command += ["-schema-location", f"{schemas}/{LOCATION}", *map(str, manifests)]
    return opinion(version, json_report("kubeconform", command)["resources"])


def opinion(version: str, resources: Sequence[Mapping[str, Any]]) -> Opinion:
    """The opinion in the `resources` of kubeconform's JSON report; an object without a schema counts as failed."""
    failed = [
        Finding(CHECK, f"{each['kind']}.{each['name']}", each["msg"] or each["status"], Path(each["filename"]).name)
        for each in resources
        if each["status"] != "statusValid"
    ]
    return Opinion("kubeconform", version, len(resources) - len(failed), tuple(failed))
