"""What a stack file says about a workload: its image and how it is asked, scaled, spread, released and stopped."""

import ipaddress
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from infra.affinity import AffinitySettings
from infra.pods import ResourcesSettings
from infra.release import Image, ReleaseSettings
from infra.scaling import AutoscalingSettings, DisruptionBudgetSettings
from infra.settings import SecretName, Section

HTTP_PORT = 5000
METRICS_PORT = 8080

WhenUnsatisfiable = Literal["ScheduleAnyway", "DoNotSchedule"]

SECRET_WORDS = re.compile(r"PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIAL|(API|ACCESS|PRIVATE)_?KEY")


def _no_secret(name: str) -> str:
    if SECRET_WORDS.search(name) and not name.endswith(("_FILE", "_ARN", "_SECONDS")):
        raise ValueError(
            f"{name} looks like a secret, and an environment is read by anybody who sees the pod or this file; "
            "make a place for it in section secrets, and name the file that it appears in (…_FILE)"
        )
    return name


def _plain(path: str) -> str:
    if ".." in path.split("/"):
        raise ValueError(f"{path} leads upwards; write the path as the container sees it")
    return path


def _addresses(peer: str) -> str:
    if peer[0].isdigit():
        ipaddress.IPv4Network(peer.partition(":")[0])  # says itself what is wrong
    return peer


NAME = r"[a-z]([a-z0-9-]*[a-z0-9])?"
CIDR = r"[0-9.]{7,15}/[0-9]{1,2}"

Called = Annotated[str, Field(pattern=rf"^({NAME}|{CIDR}:[1-9][0-9]{{0,4}})$"), AfterValidator(_addresses)]
Caller = Annotated[str, Field(pattern=rf"^({NAME}|{CIDR})$"), AfterValidator(_addresses)]

EnvironmentName = Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]*$"), AfterValidator(_no_secret)]
FilePath = Annotated[str, Field(pattern=r"^(/[\w.-]+)+$"), AfterValidator(_plain)]
ProbePath = Annotated[str, Field(pattern=r"^/[\w./-]*$")]
Port = Annotated[int, Field(ge=1024, le=65535)]
"""Above those that only root may open."""

MAINTENANCE_PAGE = "app-maintenance"

OWN_NAMES = (
    "acme-solver",
    "app",
    MAINTENANCE_PAGE,
    "credentials",
    "database-bootstrap",
    "database-dump",
    "database-migrate",
    "database-restore",
    "default",
    "default-deny",
    "objects-export",
    "postgresql",
    "secret-store",
    "valkey",
)
"""What the platform itself runs, or names so, in the application's namespace."""


def _free(name: str) -> str:
    if name in OWN_NAMES:
        raise ValueError(
            f"the platform itself runs something of this name (as {', '.join(OWN_NAMES)}); choose another one"
        )
    if name in ("database", "cache"):
        raise ValueError("in calls, this name means the platform's own; choose another one")
    if re.search(r"-([0-9a-f]{8}|check|files)$", name):
        raise ValueError("what the platform makes for a release ends so; choose another name")
    return name


WorkloadName = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$"), AfterValidator(_free)]
"""With what a release puts behind it, it stays below the 63 characters of a label."""


class SpreadSettings(Section):
    """Whether pods may run unevenly spread where nothing better can be had."""

    zones: WhenUnsatisfiable = "ScheduleAnyway"
    hosts: WhenUnsatisfiable = "ScheduleAnyway"


class ShutdownSettings(Section):
    """How a pod leaves: unlisted first, then its server stops, in seconds."""

    grace_seconds: int = Field(60, ge=5, le=600)
    """After which the pod is killed."""
    pre_stop_seconds: int = Field(20, ge=0, le=120)
    """The pod still serves while load balancers take it off their lists; 5 gave 502s (load-balancer-controller#1064)."""
    server_seconds: int = Field(30, ge=1, le=300)
    """The server finishes running requests."""
    deregistration_delay_seconds: int = Field(30, ge=0, le=300)
    """How long the load balancer keeps connections to a pod that leaves."""


class WorkloadSettings(Section):
    """One workload of section `workloads`, and what section `app` has in common with it."""

    image: Image
    """By digest, or by a tag that never moves."""

    port: Port = HTTP_PORT
    """On which the container answers HTTP; its Service answers on port 80."""

    metrics_port: Port | None = None
    """On which it answers `/metrics`, out of the load balancer's reach; without it, nothing is scraped."""

    liveness_path: ProbePath = "/healthz"
    """Answers 200 as long as the process is alive; it must depend on nothing else."""

    readiness_path: ProbePath = "/readyz"
    """Answers 200 once the container may get requests, until it stops."""

    environment: dict[EnvironmentName, str] = Field({})
    """Plain values. Secrets are files."""

    files: dict[FilePath, Annotated[str, Field(max_length=500_000)]] = Field({})
    """Path to content, read-only. Another content is another ConfigMap, so that pods roll."""

    secrets: tuple[SecretName, ...] = ()
    """Names from section `secrets`: each is a file in /var/run/secrets/marlinspike, renewed while the pod runs."""

    calls: tuple[Called, ...] = Field((), max_length=20)
    """Other workloads by name, `database`, `cache`, or addresses with a port (`198.51.100.0/24:443`). Nothing else is reached."""

    allowed_callers: tuple[Caller, ...] = Field((), max_length=20)
    """Other workloads by name, or addresses (`10.0.0.0/8`); those that name this one in their `calls` need no line here."""

    replicas: int | None = Field(None, ge=1, le=100)
    """Number of pods where there is no autoscaling; 1 when left out."""

    autoscaling: AutoscalingSettings | None = None
    disruption_budget: DisruptionBudgetSettings | None = None
    spread: SpreadSettings = SpreadSettings()
    affinity: AffinitySettings = AffinitySettings()
    shutdown: ShutdownSettings = ShutdownSettings()
    resources: ResourcesSettings = ResourcesSettings()
    release: ReleaseSettings = ReleaseSettings()

    priority: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$")] | None = None
    """A PriorityClass of the cluster; when left out the platform's own: the application's goes before the other workloads'."""

    node_group: str | None = None
    """Runs only on nodes of this group of section `nodes`."""

    @model_validator(mode="after")
    def _two_ports(self) -> "WorkloadSettings":
        if self.port == self.metrics_port:
            raise ValueError(f"port and metrics_port are both {self.port}, and metrics would be as public as the rest")
        return self

    @model_validator(mode="after")
    def _one_decides_on_the_number(self) -> "WorkloadSettings":
        if self.autoscaling and self.replicas is not None:
            raise ValueError("replicas and autoscaling both decide on the number of pods; leave one of them out")
        return self

    @model_validator(mode="after")
    def _somebody_answers_with_metrics(self) -> "WorkloadSettings":
        if self.autoscaling and self.autoscaling.requests_per_second is not None and self.metrics_port is None:
            raise ValueError(
                "autoscaling.requests_per_second: without metrics_port nothing is scraped; name the port that answers /metrics "
                "with http_requests_total"
            )
        return self

    @model_validator(mode="after")
    def _standby_is_another_version(self) -> "WorkloadSettings":
        if self.release.standby == self.image:
            raise ValueError("release.standby is the image that serves already; name another version, or leave it out")
        return self

    @model_validator(mode="after")
    def _a_new_version_begins_within_its_bounds(self) -> "WorkloadSettings":
        wanted, bounds = self.release.replicas, self.autoscaling
        if wanted is not None and bounds is None:
            raise ValueError("release.replicas: without autoscaling, replicas is the number of pods; leave it out")
        if wanted is not None and bounds and not bounds.min_replicas <= wanted <= bounds.max_replicas:
            raise ValueError(
                f"release.replicas: {wanted} is outside autoscaling's bounds, {bounds.min_replicas} to {bounds.max_replicas}"
            )
        return self

    @property
    def least_replicas(self) -> int:
        """Pods that are promised at any time without a disruption."""
        return self.autoscaling.min_replicas if self.autoscaling else self.replicas or 1

    @property
    def most_replicas(self) -> int:
        """Pods of one version that can run at once outside a rollout."""
        return self.autoscaling.max_replicas if self.autoscaling else self.replicas or 1

    @property
    def images(self) -> tuple[str, ...]:
        """Of all versions that run, the one that serves first."""
        return (self.image, self.release.standby) if self.release.standby else (self.image,)


WorkloadsSettings = dict[WorkloadName, WorkloadSettings]
"""Section `workloads` of a stack file: what runs beside the application, by name."""
