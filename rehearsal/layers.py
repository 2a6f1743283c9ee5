"""The layers that people think of a platform in, and which of them a resource belongs to."""

from rehearsal.urn import types_of

LAYERS = ("edge", "network", "cluster", "workload", "data", "monitoring")
"""From the people who call to what watches over it all."""

OTHER = "other"
"""Of what no component of the platform makes, such as providers."""

_COMPONENTS = {
    "edge": "edge",
    "public_name": "edge",
    "certificate": "edge",
    "firewall": "edge",
    "cdn": "edge",
    "ingress": "edge",
    "network": "network",
    "endpoints": "network",
    "flow_logs": "network",
    "cluster": "cluster",
    "nodes": "cluster",
    "add_ons": "cluster",
    "identity": "cluster",
    "priority": "cluster",
    "delivery": "cluster",
    "registry": "cluster",
    "operators": "cluster",
    "workload": "workload",
    "namespace": "workload",
    "policies": "workload",
    "tenancy": "workload",
    "jobs": "workload",
    "secrets": "workload",
    "external_secrets": "workload",
    "database": "data",
    "cache": "data",
    "storage": "data",
    "buckets": "data",
    "backup": "data",
    "recovery": "data",
    "exports": "data",
    "encryption": "data",
    "in-cluster": "data",
    "monitoring": "monitoring",
    "alarms": "monitoring",
    "budget": "monitoring",
}
"""By the middle word of a component's type, as in `marlinspike:database:Database`. A unit test holds it against the program."""


def layer_of(urn: str) -> str:
    """The layer of a resource: that of the outermost component of the platform around it, or of itself."""
    for kind in types_of(urn):
        package, _, rest = kind.partition(":")
        if package == "marlinspike":
            return _COMPONENTS.get(rest.partition(":")[0], OTHER)
    return OTHER


def is_known(component_type: str) -> bool:
    """Whether the type of a component has a layer."""
    return component_type.split(":")[1] in _COMPONENTS
