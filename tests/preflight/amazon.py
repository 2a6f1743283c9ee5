"""An account for the preflight: moto's, and answers of AWS's own shape for what moto does not play."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import boto3
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters

from infra import versions

ACCOUNT_ID = "210987654321"
REGION = "eu-west-3"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
ROLE = "platform-administrators"

Answer = Mapping[str, Any] | Callable[[Mapping[str, Any]], Mapping[str, Any]] | ClientError

_real = BaseClient._make_api_call


def quota(value: float) -> Answer:
    return {"Quota": {"Value": value}}


def denied(operation: str) -> ClientError:
    return ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, operation)


def allowed(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """IAM's simulation of an administrator."""
    return {
        "EvaluationResults": [
            {"EvalActionName": action, "EvalDecision": "allowed"} for action in parameters["ActionNames"]
        ]
    }


def add_ons(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    version = versions.ADD_ONS[parameters["addonName"]]
    return {"addons": [{"addonName": parameters["addonName"], "addonVersions": [{"addonVersion": version}]}]}


GOOD: Mapping[str, Answer] = {
    "GetServiceQuota": quota(64),
    "SimulatePrincipalPolicy": allowed,
    "DescribeClusterVersions": {
        "clusterVersions": [{"clusterVersion": versions.KUBERNETES, "versionStatus": "STANDARD_SUPPORT"}]
    },
    "DescribeAddonVersions": add_ons,
    "DescribeOrderableDBInstanceOptions": {
        "OrderableDBInstanceOptions": [{"EngineVersion": f"{versions.POSTGRESQL}.1", "MultiAZCapable": True}]
    },
    "DescribeCacheEngineVersions": {"CacheEngineVersions": [{"EngineVersion": f"{versions.VALKEY}.0"}]},
    "DescribeReservedCacheNodesOfferings": {"ReservedCacheNodesOfferings": [{"CacheNodeType": "cache.t4g.micro"}]},
}
"""By operation, what moto 5.2 does not play (service quotas: of VPCs only; RDS's options: of none that is sold today)."""


@contextmanager
def amazon(changes: Mapping[str, Answer]) -> Iterator[None]:
    """Within, requests are answered from GOOD and `changes`, else by moto. Requests and answers must have AWS's shape."""
    answers = {**GOOD, **changes}

    def call(client: Any, operation: str, parameters: Mapping[str, Any]) -> Any:
        if operation not in answers:
            return _real(client, operation, parameters)
        model = client.meta.service_model.operation_model(operation)
        validate_parameters(parameters, model.input_shape)
        answer = answers[operation]
        if isinstance(answer, ClientError):
            # As the class that the client's own `exceptions` knows.
            raise client.exceptions.from_code(answer.response["Error"]["Code"])(answer.response, operation)
        given = answer(parameters) if callable(answer) else answer
        validate_parameters(given, model.output_shape)
        return given

    with patch.object(BaseClient, "_make_api_call", call):
        yield


def furnish() -> boto3.Session:
    """Makes what the good account has: roles, a zone, an image. Gives a session of the administrators' role."""
    iam = boto3.client("iam")
    for name in (ROLE, "marlinspike-dev-deploy", "marlinspike-dev-preview", "application-developers"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    registry = boto3.client("ecr", region_name=REGION)
    registry.create_repository(repositoryName="marlinspike/app")
    manifest = '{"schemaVersion": 2, "config": {"digest": "sha256:%s"}, "layers": []}' % ("1" * 64)
    registry.put_image(
        repositoryName="marlinspike/app", imageManifest=manifest, imageTag="0.1.0", imageManifestMediaType=MANIFEST
    )
    given = boto3.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT_ID}:role/{ROLE}", RoleSessionName="preflight"
    )["Credentials"]
    return boto3.Session(
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )


def zone(name: str, *, private: bool = False) -> str:
    """A hosted zone's id."""
    more: dict[str, Any] = {"HostedZoneConfig": {"PrivateZone": True}} if private else {}
    if private:
        more["VPC"] = {"VPCRegion": REGION, "VPCId": "vpc-1"}
    made = boto3.client("route53").create_hosted_zone(Name=name, CallerReference=name, **more)
    return str(made["HostedZone"]["Id"].rpartition("/")[2])
