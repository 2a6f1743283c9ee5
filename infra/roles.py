"""Who may do what in a namespace: viewers look, operators also restart and scale; neither reads a Secret."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, ResourceOptions

from infra.naming import PLATFORM_LABELS, PROJECT

VIEWERS = f"{PROJECT}:viewers"
OPERATORS = f"{PROJECT}:operators"
"""Kubernetes groups. On EKS an access entry puts a principal into one (`cluster.viewers`, `cluster.operators`)."""

Rules = list[Input[kubernetes.rbac.v1.PolicyRuleArgsDict]]

_READ = ["get", "list", "watch"]

_SEEN: Mapping[str, Sequence[str]] = {
    "": (
        "pods",
        "pods/log",
        "services",
        "serviceaccounts",
        "events",
        "persistentvolumeclaims",
        "resourcequotas",
        "limitranges",
    ),
    "apps": ("deployments", "replicasets", "statefulsets", "daemonsets"),
    "batch": ("jobs", "cronjobs"),
    "autoscaling": ("horizontalpodautoscalers",),
    "policy": ("poddisruptionbudgets",),
    "networking.k8s.io": ("networkpolicies", "ingresses"),
    "discovery.k8s.io": ("endpointslices",),
    "events.k8s.io": ("events",),
    "metrics.k8s.io": ("pods",),
    "external-secrets.io": ("externalsecrets", "secretstores"),  # where a value should come from, never the value
}
"""Everything but Secrets, by API group. ConfigMaps are left out too: charts keep passwords in them now and then."""


def viewing() -> Rules:
    """What helps to understand an incident."""
    return [{"api_groups": [group], "resources": [*kinds], "verbs": _READ} for group, kinds in _SEEN.items()]


def operating() -> Rules:
    """What helps to end one, too. No `exec` (the images have no shell) and no new pods, which could mount any Secret."""
    return [
        *viewing(),
        {"api_groups": ["apps"], "resources": ["deployments", "statefulsets"], "verbs": ["patch"]},
        {
            "api_groups": ["apps"],
            "resources": ["deployments/scale", "statefulsets/scale"],
            "verbs": ["get", "patch", "update"],
        },
        {"api_groups": [""], "resources": ["pods"], "verbs": ["delete"]},
        {"api_groups": [""], "resources": ["pods/eviction", "pods/portforward"], "verbs": ["create"]},
    ]


RESTARTED = "kubectl.kubernetes.io/restartedAt"
"""The annotation that `kubectl rollout restart` writes into a pod template."""

_UNCHANGED = f"""
    variables.now.all(key, key == '{RESTARTED}' || (key in variables.before && variables.before[key] == variables.now[key])) &&
    variables.before.all(key, key == '{RESTARTED}' || key in variables.now)
"""


def restart_only() -> kubernetes.admissionregistration.v1.ValidatingAdmissionPolicySpecArgsDict:
    """Operators leave pod templates as they are.

    RBAC knows no fields: who may patch a Deployment could have its pods print every Secret into their log.
    """
    template, before = "object.spec.template", "oldObject.spec.template"
    return {
        "failure_policy": "Fail",
        "match_constraints": {
            "resource_rules": [
                {
                    "api_groups": ["apps"],
                    "api_versions": ["*"],
                    "operations": ["UPDATE"],  # patches too
                    "resources": ["deployments", "statefulsets"],
                }
            ]
        },
        "match_conditions": [{"name": "an-operator", "expression": f"'{OPERATORS}' in request.userInfo.groups"}],
        "variables": [
            {"name": "now", "expression": f"{template}.metadata.?annotations.orValue({{}})"},
            {"name": "before", "expression": f"{before}.metadata.?annotations.orValue({{}})"},
        ],
        "validations": [
            {"expression": expression, "message": "operators restart and scale; what a pod is, only the program says"}
            for expression in (
                f"{template}.spec == {before}.spec",
                f"{template}.metadata.?labels == {before}.metadata.?labels",
                " ".join(_UNCHANGED.split()),
            )
        ],
    }


def make_roles(name: str, namespace: Input[str], parent: pulumi.Resource) -> None:
    """Roles `viewer` and `operator`, bound to their groups, and what keeps operators from changing pods."""
    child = ResourceOptions(parent=parent)
    for role, group, rules in (("viewer", VIEWERS, viewing()), ("operator", OPERATORS, operating())):
        metadata: kubernetes.meta.v1.ObjectMetaArgsDict = {
            "name": role,
            "namespace": namespace,
            "labels": PLATFORM_LABELS,
        }
        kubernetes.rbac.v1.Role(f"{name}-{role}", metadata=metadata, rules=rules, opts=child)
        kubernetes.rbac.v1.RoleBinding(
            f"{name}-{role}s",
            metadata=metadata,
            role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "Role", "name": role},
            subjects=[{"api_group": "rbac.authorization.k8s.io", "kind": "Group", "name": group}],
            opts=child,
        )
    # Without a namespace of its own: its name has the namespace's in it.
    policy = kubernetes.admissionregistration.v1.ValidatingAdmissionPolicy(
        f"{name}-operators-restart-only",
        metadata={"name": f"{name}-operators-restart-only", "labels": PLATFORM_LABELS},
        spec=restart_only(),
        opts=child,
    )
    kubernetes.admissionregistration.v1.ValidatingAdmissionPolicyBinding(
        f"{name}-operators-restart-only",
        metadata={"name": f"{name}-operators-restart-only", "labels": PLATFORM_LABELS},
        spec={
            "policy_name": policy.metadata.name.apply(str),
            "validation_actions": ["Deny"],
            "match_resources": {
                "namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": namespace}},
            },
        },
        opts=child,
    )
