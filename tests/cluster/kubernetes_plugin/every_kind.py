"""One object of each kind that the program registers; quantities and empty lists as people write them."""

from typing import Any

from tests.cluster.kubernetes_plugin.objects import CONFIG_MAP, DEPLOYMENT, JOB, NAMESPACE, SECRET, SERVICE

Registered = tuple[str, dict[str, Any]]
"""A type, and what is registered of it."""

LABELS = {"app.kubernetes.io/name": "web"}
SELECTOR = {"matchLabels": LABELS}


def every_kind(namespace: str) -> list[Registered]:
    """Objects of one namespace, and two without any that begin with its name."""
    named = [
        (kind, {"metadata": {"namespace": namespace, "name": name}, **rest})
        for kind, name, rest in (*workloads(), *networking(), *bounds(), *contents(), *rights(namespace))
    ]
    restricted = {"pod-security.kubernetes.io/enforce": "restricted"}
    return [
        *named,
        (
            "kubernetes:scheduling.k8s.io/v1:PriorityClass",
            {"metadata": {"name": f"{namespace}-high"}, "value": 1000, "globalDefault": False},
        ),
        (NAMESPACE, {"metadata": {"name": f"{namespace}-too", "labels": restricted}}),
    ]


Named = list[tuple[str, str, dict[str, Any]]]
"""Type, name, and what the object has beside its metadata."""


def workloads() -> Named:
    plain = {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "db", "image": "db:1"}]}}
    job = {"spec": {"restartPolicy": "Never", "containers": [{"name": "job", "image": "job:1"}]}}
    strategy = {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}}
    database = {"serviceName": "db", "selector": {"matchLabels": {"app": "db"}}, "template": plain}
    utilisation = {"type": "Utilization", "averageUtilization": 70}
    autoscaling = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "minReplicas": 1,
        "maxReplicas": 3,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": utilisation}}],
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 300}},
    }
    return [
        (DEPLOYMENT, "web", {"spec": {"selector": SELECTOR, "template": full_pod(), "strategy": strategy}}),
        ("kubernetes:apps/v1:StatefulSet", "db", {"spec": database}),
        (JOB, "migrate", {"spec": {"template": job, "backoffLimit": 2}}),
        ("kubernetes:autoscaling/v2:HorizontalPodAutoscaler", "web", {"spec": autoscaling}),
        ("kubernetes:policy/v1:PodDisruptionBudget", "web", {"spec": {"maxUnavailable": 1, "selector": SELECTOR}}),
    ]


def full_pod() -> dict[str, Any]:
    """A pod with every part that the application's has."""
    container = {
        "name": "app",
        "image": "registry.example/app:1",
        "resources": {
            "requests": {"cpu": "0.010", "memory": "1024Ki"},
            "limits": {"cpu": "1000m", "memory": "0.5Gi"},
        },
        "env": [{"name": "MODE", "value": "test"}],
        "ports": [{"name": "http", "containerPort": 5000}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}},
        "volumeMounts": [{"name": "tmp", "mountPath": "/cache"}],
    }
    spread = {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": SELECTOR,
        "matchLabelKeys": ["pod-template-hash"],
    }
    return {
        "metadata": {"labels": LABELS},
        "spec": {
            "containers": [container],
            "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "1024Mi"}}],
            "securityContext": {},
            "topologySpreadConstraints": [spread],
        },
    }


def networking() -> Named:
    service = {"selector": LABELS, "ports": [{"port": 80, "targetPort": "http"}], "type": "ClusterIP"}
    policy = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
    deny = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [], "egress": []}
    allow = {
        "podSelector": SELECTOR,
        "ingress": [{"from": [{"namespaceSelector": {}}], "ports": [{"port": 5000}]}],
    }
    return [
        (SERVICE, "web", {"spec": service}),
        (SERVICE, "db", {"spec": {"clusterIP": "None", "ports": [{"port": 5432}]}}),
        (policy, "deny", {"spec": deny}),
        (policy, "allow", {"spec": allow}),
    ]


def bounds() -> Named:
    defaults = {"type": "Container", "default": {"cpu": "1000m"}, "defaultRequest": {"cpu": "0.01"}}
    return [
        ("kubernetes:core/v1:ResourceQuota", "quota", {"spec": {"hard": {"requests.cpu": "4000m", "pods": "50"}}}),
        ("kubernetes:core/v1:LimitRange", "limits", {"spec": {"limits": [defaults]}}),
    ]


def contents() -> Named:
    return [
        (CONFIG_MAP, "settings", {"data": {"a": "b"}}),
        (SECRET, "password", {"stringData": {"password": "correct horse"}}),
    ]


def rights(namespace: str) -> Named:
    group = "rbac.authorization.k8s.io"
    binding = {
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "web"},
        "subjects": [{"kind": "ServiceAccount", "name": "web", "namespace": namespace}],
    }
    return [
        ("kubernetes:core/v1:ServiceAccount", "web", {"automountServiceAccountToken": False}),
        (
            f"kubernetes:{group}/v1:Role",
            "web",
            {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]},
        ),
        (f"kubernetes:{group}/v1:RoleBinding", "web", binding),
    ]
