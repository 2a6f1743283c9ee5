"""compose.yaml judged by the Compose specification's own schema, from its reference implementation's Go module."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from judges.tools import MODULE
from rehearsal.toolchain import go
from rehearsal.toolchain.errors import NotAvailable

COMPOSE = Path(__file__).resolve().parents[2] / "compose.yaml"
SPECIFICATION = "github.com/compose-spec/compose-go/v2"


@pytest.fixture(scope="module")
def schema() -> Any:
    try:
        tool = go.find_go()
    except NotAvailable as reason:
        pytest.skip(f"the specification comes as a Go module: {reason}")
    folder = go.download(tool, MODULE / "compose", SPECIFICATION, say=print)
    return json.loads((folder / "schema" / "compose-spec.json").read_text())


def judged(schema: Any, document: Any) -> list[str]:
    # Extensions (`x-…`) are taken by patternProperties; anchors and merges are YAML's business, and resolved by now.
    validator = jsonschema.validators.validator_for(schema)(schema)
    return [error.message for error in validator.iter_errors(document)]


def test_the_specification_finds_nothing_wrong(schema: Any) -> None:
    assert judged(schema, yaml.safe_load(COMPOSE.read_text())) == []


@pytest.mark.parametrize(("right", "wrong"), [("read_only: true", "read_onyl: true"), ("retries: 30", "retries: [30]")])
def test_it_would(schema: Any, right: str, wrong: str) -> None:
    text, count = re.subn(re.escape(right), wrong, COMPOSE.read_text())
    assert count
    assert judged(schema, yaml.safe_load(text)) != []
