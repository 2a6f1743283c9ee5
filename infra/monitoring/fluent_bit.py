"""Fluent Bit's configuration: what it reads, what it makes of it, where it goes; from data, in its classic format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pulumi import Input, Output

TAG = "kube."
SCRIPT = "mask.lua"
SCRIPTS_FOLDER = "/fluent-bit/scripts"
"""Where the chart mounts `luaScripts`."""

POSITIONS = "/var/log/fluent-bit.db"
CHUNKS = "/var/log/fluent-bit-chunks"
"""On the node: how far each file was read, and what is not delivered yet; both survive a restart of the pod."""

BUFFER = "256M"
"""What one output keeps on a node's disk while its destination is away; the oldest goes first."""

PROBES = r"^/(healthz|readyz|health|[a-z]+/health)$"
"""Routes that Kubernetes and the load balancer ask every few seconds (app/health.py); what a probe finds has its own lines."""


@dataclass(frozen=True)
class Section:
    """One section; values are written as they are."""

    kind: str
    values: Mapping[str, Input[str]]

    def text(self) -> Output[str]:
        """As Fluent Bit reads it."""
        lines = [Output.concat(f"    {key} ", value) for key, value in self.values.items()]
        return Output.concat(f"[{self.kind}]\n", *(Output.concat(line, "\n") for line in lines))


def joined(sections: Sequence[Section]) -> Output[str]:
    """All of them, one after the other."""
    return Output.concat(*(Output.concat(section.text(), "\n") for section in sections))


SERVICE = Section(
    "SERVICE",
    {
        "Daemon": "Off",
        "Flush": "5",
        "Grace": "20",
        "Log_Level": "warn",
        "Parsers_File": "/fluent-bit/etc/parsers.conf",
        "HTTP_Server": "On",
        "HTTP_Listen": "0.0.0.0",  # noqa: S104 - probes come from the node; the fence says who else may
        "HTTP_Port": "2020",
        "Health_Check": "On",
        "storage.path": CHUNKS,
        "storage.max_chunks_up": "64",
        "storage.backlog.mem_limit": "16M",
    },
)

CONTAINERS = Section(
    "INPUT",
    {
        "Name": "tail",
        "Tag": f"{TAG}*",
        "Path": "/var/log/containers/*.log",
        # Its own errors about a destination would go there too, and make more of them.
        "Exclude_Path": "/var/log/containers/fluent-bit-*.log",
        "multiline.parser": "cri",  # puts together what the container runtime cut at 16 KiB
        "DB": POSITIONS,
        "DB.locking": "On",
        "Read_from_Head": "On",
        "Refresh_Interval": "10",
        "Rotate_Wait": "30",
        "Skip_Long_Lines": "On",
        "Buffer_Max_Size": "256k",
        "Mem_Buf_Limit": "16M",
        "storage.type": "filesystem",
    },
)

FILTERS = (
    # A traceback of an image that writes no JSON is one event, not forty.
    Section(
        "FILTER",
        {
            "Name": "multiline",
            "Match": f"{TAG}*",
            "multiline.key_content": "log",
            "multiline.parser": "python",
            "Emitter_Mem_Buf_Limit": "10M",
        },
    ),
    Section(
        "FILTER",
        {
            "Name": "kubernetes",
            "Match": f"{TAG}*",
            "Kube_Tag_Prefix": f"{TAG}var.log.containers.",
            "Merge_Log": "On",  # JSON becomes fields
            "Keep_Log": "Off",  # and is not kept as text beside them
            "Buffer_Size": "0",  # a pod's description is as long as it is
            "Labels": "On",
            "Annotations": "Off",
            "K8S-Logging.Parser": "Off",
            "K8S-Logging.Exclude": "Off",  # no pod hides what it does
        },
    ),
    Section("FILTER", {"Name": "grep", "Match": f"{TAG}*", "Exclude": f"route {PROBES}"}),
    Section("FILTER", {"Name": "grep", "Match": f"{TAG}*", "Exclude": "log kube-probe/"}),
    # After JSON became fields, and last: nothing comes in behind it.
    Section("FILTER", {"Name": "lua", "Match": f"{TAG}*", "script": f"{SCRIPTS_FOLDER}/{SCRIPT}", "call": "mask"}),
)


def mask_script() -> str:
    """The filter that takes secrets out."""
    return Path(__file__).with_name(SCRIPT).read_text(encoding="utf-8")


def to_cloudwatch(region: str, log_group: Input[str]) -> Section:
    """To one log group that exists, a stream for each container."""
    return Section(
        "OUTPUT",
        {
            "Name": "cloudwatch_logs",
            "Match": f"{TAG}*",
            "region": region,
            "log_group_name": log_group,
            "log_stream_prefix": "other-",  # where the template finds no metadata
            "log_stream_template": "$kubernetes['namespace_name'].$kubernetes['container_name'].$kubernetes['pod_name']",
            "auto_create_group": "Off",  # one that it makes would have no retention and no key
            "Retry_Limit": "10",
            "storage.total_limit_size": BUFFER,
        },
    )


def to_opensearch(region: str, host: str, index_prefix: str) -> Section:
    """To a domain of Amazon OpenSearch Service, an index for each day."""
    return Section(
        "OUTPUT",
        {
            "Name": "opensearch",
            "Match": f"{TAG}*",
            "Host": host,
            "Port": "443",
            "tls": "On",
            "tls.verify": "On",
            "AWS_Auth": "On",
            "AWS_Region": region,
            "Logstash_Format": "On",
            "Logstash_Prefix": index_prefix,
            "Suppress_Type_Name": "On",  # OpenSearch 2 knows no types
            "Replace_Dots": "On",  # app.kubernetes.io/name would become objects, and clash with a label `app`
            "Retry_Limit": "10",
            "storage.total_limit_size": BUFFER,
        },
    )
