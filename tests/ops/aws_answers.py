"""AWS's answers, made up; requests are checked against its model, and what nobody expects is refused."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import boto3  # type: ignore[import-untyped]
import pytest
from botocore.stub import Stubber  # type: ignore[import-untyped]

from ops.stack import Stack


def stack() -> Stack:
    """As much of a stack as AWS is asked with."""
    resources = [
        {"type": "aws:rds/instance:Instance", "id": "marlinspike-prod"},
        {"type": "aws:elasticache/replicationGroup:ReplicationGroup", "id": "marlinspike-prod-cache"},
    ]
    outputs = {"region": "eu-west-3", "cluster_name": "marlinspike-prod"}
    return cast(Stack, SimpleNamespace(name="prod", rehearsed=False, outputs=outputs, resources=resources))


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Stubber]]:
    """Stubs by service, which refuse requests that AWS's model refuses, or that nobody expects."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    stubs: dict[str, Stubber] = {}
    make = boto3.client

    def client(service: str, **words: Any) -> Any:
        if service not in stubs:
            made = make(service, **words)
            stubs[service] = Stubber(made)
            stubs[service].activate()
        return stubs[service].client

    for service in ("eks", "ec2", "rds", "elasticache", "ssm"):
        client(service, region_name="eu-west-3")
    monkeypatch.setattr(boto3, "client", client)
    yield stubs
    for stub in stubs.values():
        stub.assert_no_pending_responses()
