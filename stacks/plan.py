"""What a stack registers, without an engine: the whole program under Pulumi's mocks. The price and the tests ask."""

import asyncio
import gc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pulumi
from pulumi.runtime import rpc
from pulumi.runtime.mocks import MockMonitor

from infra.naming import PROJECT
from stacks import configuration
from stacks.composition import compose
from stacks.settings import Settings

# The SDKs' modules are objects by the hundred thousand that never go: without this, the collector looks at all of them again and
# again, which takes half of the time of a plan.
gc.collect()
gc.freeze()
gc.set_threshold(50_000, 20, 50)

PROJECT_FOLDER = Path(__file__).resolve().parents[1]

EKS_CLUSTER_URN = f"urn:pulumi:test::{PROJECT}::aws:eks/cluster:Cluster::eksCluster"
RESOURCE_REFERENCE = {
    "4dabf18193072939515e22adb298388d": "5cf8f73096256a8f31e491e813e4eb8e",
    "urn": EKS_CLUSTER_URN,
    "id": "eks-cluster",
}
"""How the wire says "this is a resource": pulumi-eks answers with its EKS cluster in that way."""


@dataclass(frozen=True)
class Registered:
    """One resource as the program registered it: inputs and, unlike Pulumi's own mocks, options."""

    type: str
    name: str
    inputs: Mapping[str, Any]
    parent: str
    protect: bool
    delete_before_replace: bool
    """Whether a replacement deletes the old one before it makes the new one."""
    retain_on_delete: bool
    """Whether a deletion leaves it in the cloud."""
    ignore_changes: tuple[str, ...]
    replace_on_changes: tuple[str, ...]
    depends_on: tuple[str, ...]
    """The resources that come first, each as `Type/name`: explicit dependencies and those of inputs."""
    provider: str
    custom: bool

    @property
    def key(self) -> str:
        """`Type/name`: unlike the name alone, no other resource has it."""
        return f"{self.type.rsplit(':', 1)[1]}/{self.name}"


@dataclass
class Plan:
    """Everything that one stack registers."""

    resources: list[Registered] = field(default_factory=list)

    def of(self, kind: str) -> list[Registered]:
        """All resources of a type, in the order of registration."""
        return [resource for resource in self.resources if resource.type == kind]

    def only(self, kind: str, name: str | None = None) -> Registered:
        """The one resource of a type (and logical name); LookupError when there is none or more than one."""
        found = [resource for resource in self.of(kind) if name in (None, resource.name)]
        if len(found) != 1:
            raise LookupError(
                f"{len(found)} of {kind} {name or ''}; registered: {sorted({r.type for r in self.resources})}"
            )
        return found[0]

    @property
    def key_arn(self) -> str:
        """ARN of the one key that encrypts what the stack stores in its own region."""
        [key] = [key for key in self.of("aws:kms/key:Key") if not key.name.endswith("-copies-key")]
        return f"arn:aws:test:eu-west-3:111122223333:{key.name}"

    def kubernetes(self) -> Iterator[Registered]:
        """The Kubernetes objects."""
        return (r for r in self.resources if r.type.startswith("kubernetes:") and r.custom)

    def comes_before(self, first: str, later: str) -> bool:
        """Whether `later` waits for `first`, directly or through others; both as `Type/name`, as in `Vpc/marlinspike-dev-vpc`."""
        by_name = {resource.key: resource.depends_on for resource in self.resources}
        if not {first, later} <= by_name.keys():
            raise LookupError(f"one of {first}, {later} is not registered")
        seen: set[str] = set()
        waiting = [later]
        while waiting:
            name = waiting.pop()
            for earlier in by_name[name]:
                if earlier == first:
                    return True
                if earlier not in seen:
                    seen.add(earlier)
                    waiting.append(earlier)
        return False


class Cloud(pulumi.runtime.Mocks):
    """Answers as AWS and Kubernetes would, as far as the program looks."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        """Id and outputs of a resource: its inputs, and what the service would compute."""
        identifier = f"{args.name}-id"
        state: dict[str, Any] = {**args.inputs}
        state.setdefault("name", args.name)
        state["arn"] = f"arn:aws:test:eu-west-3:111122223333:{args.name}"
        match args.typ:
            case "eks:index:Cluster":
                state |= {"eksCluster": RESOURCE_REFERENCE, "kubeconfigJson": "{}"}
            case "aws:rds/instance:Instance":
                state |= {
                    "address": "database.example",
                    "identifier": args.name,
                    "resourceId": "db-TEST",
                    "masterUserSecrets": [
                        {"secretArn": "arn:aws:secretsmanager:eu-west-3:111122223333:secret:rds-TEST"}
                    ],
                }
            case "aws:elasticache/replicationGroup:ReplicationGroup":
                state["primaryEndpointAddress"] = "cache.example"
            case "aws:elasticache/serverlessCache:ServerlessCache":
                state["endpoints"] = [{"address": "serverless.example", "port": 6379}]
            case "aws:ec2/launchTemplate:LaunchTemplate":
                state["latestVersion"] = 1
            case "aws:acm/certificate:Certificate":
                proof = {
                    "domainName": args.inputs["domainName"],
                    "resourceRecordName": f"_proof.{args.inputs['domainName']}.",
                    "resourceRecordType": "CNAME",
                    "resourceRecordValue": "_value.acm-validations.aws.",
                }
                state["domainValidationOptions"] = [proof]
            case "aws:lb/loadBalancer:LoadBalancer":
                state |= {"dnsName": "balancer.example", "zoneId": "ZBALANCER", "arnSuffix": f"app/{args.name}"}
            case "aws:lb/targetGroup:TargetGroup":
                state["arnSuffix"] = f"targetgroup/{args.name}"
            case "aws:route53/record:Record":
                state["fqdn"] = args.inputs["name"]
            case "aws:kms/key:Key":
                state["keyId"] = identifier
            case "aws:s3/bucket:Bucket":
                state.setdefault("bucket", args.name)
                state["bucketRegionalDomainName"] = f"{state['bucket']}.s3.eu-west-3.amazonaws.com"
            case "aws:cloudfront/distribution:Distribution":
                state["domainName"] = "d.cloudfront.net"
        return identifier, state

    def call(self, args: pulumi.runtime.MockCallArgs) -> NoReturn:
        """Refuses look-ups with AssertionError."""
        raise AssertionError(
            f"the program must look nothing up (previews would need credentials), but called {args.token}"
        )


class RecordingMonitor(MockMonitor):
    """Keeps each registration with its options, which `Mocks` does not show."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(Cloud())
        self._plan = plan
        self._names: dict[str, str] = {}
        self.resources[EKS_CLUSTER_URN] = MockMonitor.ResourceRegistration(
            EKS_CLUSTER_URN,
            "eks-cluster",
            {
                "name": "marlinspike-test",
                "arn": "arn:aws:eks:eu-west-3:111122223333:cluster/marlinspike-test",
                "vpcConfig": {"clusterSecurityGroupId": "sg-cluster"},
            },
        )

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the protocol's name
        """Keeps the registration, and answers it."""
        answer = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        if request.type != "pulumi:pulumi:Stack":
            self._names[answer.urn] = f"{request.type.rsplit(':', 1)[1]}/{request.name}"
            self._plan.resources.append(
                Registered(
                    type=request.type,
                    name=request.name,
                    inputs=rpc.deserialize_properties(request.object),
                    parent=self._names.get(request.parent, ""),
                    protect=request.protect,
                    delete_before_replace=request.deleteBeforeReplace,
                    retain_on_delete=request.retainOnDelete,
                    ignore_changes=tuple(request.ignoreChanges),
                    replace_on_changes=tuple(request.replaceOnChanges),
                    depends_on=tuple(self._names[urn] for urn in request.dependencies if urn in self._names),
                    provider=request.provider,
                    custom=request.custom,
                )
            )
        return answer


def stack_file(stack: str) -> dict[str, Any]:
    """The `config` of a committed stack file. Raises NoStackError."""
    return configuration.config_of(configuration.stack_file(PROJECT_FOLDER, stack, "prod"))


def settings_of(stack: str, config: Mapping[str, Any] | None = None) -> Settings:
    """A stack's settings, from its committed file or from another configuration."""
    return configuration.settings_of(PROJECT_FOLDER, stack, stack_file(stack) if config is None else config)


def plan_of(stack: str, settings: Settings) -> Plan:
    """What these settings register."""
    return plan_of_program(stack, lambda: compose(stack, settings))


def plan_of_program(stack: str, register: Callable[[], Mapping[str, Any]]) -> Plan:
    """What a program registers that is smaller than a stack, such as one component; it returns outputs to wait for."""
    plan = Plan()
    try:
        asyncio.get_event_loop()
    except RuntimeError:
        # `asyncio.run`, in whatever test came before, leaves the thread without one, and Pulumi's SDK needs one.
        asyncio.set_event_loop(asyncio.new_event_loop())
    pulumi.runtime.set_mocks(Cloud(), project=PROJECT, stack=stack, preview=False, monitor=RecordingMonitor(plan))

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def program() -> pulumi.Output[dict[str, Any]]:
        return pulumi.Output.all(**register())

    program()
    return plan
