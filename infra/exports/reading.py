"""What the export of Kubernetes' objects may read: everything that somebody decides, by name, and no Secret.

RBAC only adds: whoever lists all kinds of the core group lists Secrets too, so that the kinds are named. A kind that is not here
is told in the copy's manifest as refused.
"""

from collections.abc import Mapping, Sequence

from pulumi import Input
from pulumi_kubernetes.rbac.v1 import PolicyRuleArgsDict

READ: Mapping[str, Sequence[str]] = {
    "": (
        "configmaps",
        "limitranges",
        "namespaces",
        "persistentvolumeclaims",
        "persistentvolumes",
        "pods",
        "podtemplates",
        "replicationcontrollers",
        "resourcequotas",
        "serviceaccounts",
        "services",
    ),
    "admissionregistration.k8s.io": (
        "mutatingwebhookconfigurations",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "validatingwebhookconfigurations",
    ),
    "apiextensions.k8s.io": ("customresourcedefinitions",),
    "apps": ("daemonsets", "deployments", "replicasets", "statefulsets"),
    "autoscaling": ("horizontalpodautoscalers",),
    "batch": ("cronjobs", "jobs"),
    "cert-manager.io": ("certificates", "clusterissuers", "issuers"),
    "elbv2.k8s.aws": ("ingressclassparams", "targetgroupbindings"),
    "external-secrets.io": ("clustersecretstores", "externalsecrets", "secretstores"),
    "flowcontrol.apiserver.k8s.io": ("flowschemas", "prioritylevelconfigurations"),
    "keda.sh": ("clustertriggerauthentications", "scaledjobs", "scaledobjects", "triggerauthentications"),
    "monitoring.coreos.com": (
        "alertmanagerconfigs",
        "alertmanagers",
        "podmonitors",
        "probes",
        "prometheuses",
        "prometheusrules",
        "servicemonitors",
    ),
    "networking.k8s.io": ("ingressclasses", "ingresses", "networkpolicies"),
    "policy": ("poddisruptionbudgets",),
    "rbac.authorization.k8s.io": ("clusterrolebindings", "clusterroles", "rolebindings", "roles"),
    "scheduling.k8s.io": ("priorityclasses",),
    "storage.k8s.io": ("csidrivers", "storageclasses"),
}
"""Kinds by API group. ConfigMaps are among them, which people may not read (infra/roles.py): no person has this account."""


def rules() -> list[Input[PolicyRuleArgsDict]]:
    """The rules of the cluster role."""
    return [{"api_groups": [group], "resources": [*kinds], "verbs": ["list"]} for group, kinds in READ.items()]
