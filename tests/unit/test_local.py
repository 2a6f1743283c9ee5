"""Stack `local`: its entry, its operators, and PostgreSQL by CloudNativePG."""

from typing import Any

import pytest

from stacks.settings import SettingsError
from tests.unit.plan import Plan, planned, planned_with, settings_with

INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
RELEASE = "kubernetes:helm.sh/v3:Release"
STATEFUL_SET = "kubernetes:apps/v1:StatefulSet"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"

HOST = {"host": "quotes.localhost"}
ACME = {"issuer": "letsencrypt-staging", "email": "platform@example.com"}
OPERATED = {"database.operator": "cloudnative-pg"}


def with_ingress(**settings: Any) -> Plan:
    return planned_with("local", {"ingress": {**HOST, **settings}})


def custom(plan: Plan, kind: str) -> list[Any]:
    return [found.inputs for found in plan.kubernetes() if found.inputs.get("kind") == kind and "spec" in found.inputs]


def only(plan: Plan, kind: str) -> Any:
    [found] = custom(plan, kind)
    return found


def annotations(plan: Plan) -> dict[str, str]:
    found: dict[str, str] = dict(plan.only(INGRESS).inputs["metadata"]["annotations"])
    assert found.pop("pulumi.com/skipAwait") == "true"
    return found


def policy(plan: Plan, workload: str) -> Any:
    return plan.only(POLICY, f"marlinspike-{workload}").inputs["spec"]


# ---- the entry


def test_the_shipped_stack_has_no_entry_and_no_operator() -> None:
    plan = planned("local")
    assert plan.of(INGRESS) == []
    assert plan.of(RELEASE) == []


def test_an_entry_leads_one_host_with_a_certificate_to_the_application() -> None:
    plan = with_ingress()
    spec = plan.only(INGRESS).inputs["spec"]
    assert spec["ingressClassName"] == "traefik"
    [rule] = spec["rules"]
    assert rule["host"] == "quotes.localhost"
    [path] = rule["http"]["paths"]
    assert path["backend"] == {"service": {"name": "app", "port": {"name": "http"}}}
    [tls] = spec["tls"]
    certificate = only(plan, "Certificate")["spec"]
    assert tls == {"hosts": ["quotes.localhost"], "secretName": certificate["secretName"]}
    assert certificate["dnsNames"] == tls["hosts"]
    issuer = only(plan, "Issuer")
    assert certificate["issuerRef"] == {"kind": "Issuer", "name": issuer["metadata"]["name"]}
    assert issuer["spec"] == {"selfSigned": {}}


@pytest.mark.parametrize(
    ("issuer", "directory"), [("letsencrypt-staging", "acme-staging-v02"), ("letsencrypt", "acme-v02")]
)
def test_lets_encrypt_is_asked_by_http_through_the_same_controller(issuer: str, directory: str) -> None:
    certificate = {"issuer": issuer, "email": "platform@example.com"}
    plan = with_ingress(host="quotes.example.com", class_name="web", certificate=certificate)
    acme = only(plan, "Issuer")["spec"]["acme"]
    assert acme["server"] == f"https://{directory}.api.letsencrypt.org/directory"
    [solver] = acme["solvers"]
    assert solver["http01"]["ingress"]["ingressClassName"] == "web"
    # Each directory has accounts of its own.
    assert issuer in acme["privateKeySecretRef"]["name"]
    labels = solver["http01"]["ingress"]["podTemplate"]["metadata"]["labels"]
    answering = policy(plan, "acme-solver")
    assert answering["podSelector"]["matchLabels"] == labels
    [rule] = answering["ingress"]
    assert [port["port"] for port in rule["ports"]] == [8089]


def test_only_the_controllers_pods_may_call_the_application() -> None:
    plan = with_ingress(namespace="edge", pod_labels={"app": "proxy"})
    [rule] = policy(plan, "app")["ingress"]
    assert rule["from"] == [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "edge"}},
            "podSelector": {"matchLabels": {"app": "proxy"}},
        }
    ]
    assert [port["port"] for port in rule["ports"]] == [5000]


def test_traefik_gets_middlewares_and_an_annotation_that_names_them_in_order() -> None:
    plan = with_ingress(requests_per_minute=400, body_kibibytes=64)
    made = {found["metadata"]["name"]: found["spec"] for found in custom(plan, "Middleware")}
    assert made["app-redirect"] == {"redirectScheme": {"scheme": "https", "permanent": True}}
    assert made["app-limit"] == {"rateLimit": {"average": 400, "period": "1m", "burst": 66}}
    assert made["app-body"] == {"buffering": {"maxRequestBodyBytes": 65536}}
    headers = made["app-headers"]["headers"]["customResponseHeaders"]
    assert headers.keys() == {
        "Content-Security-Policy",
        "Strict-Transport-Security",
        "X-Content-Type-Options",
        "X-Frame-Options",
    }
    named = annotations(plan)["traefik.ingress.kubernetes.io/router.middlewares"].split(",")
    assert named == [f"marlinspike-app-{part}@kubernetescrd" for part in ("redirect", "limit", "body", "headers")]
    for name in made:
        assert plan.comes_before(f"Middleware/{name}-middleware", "Ingress/app-ingress")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            {"controller": "nginx", "security_headers": False, "requests_per_minute": 60, "body_kibibytes": 64},
            {
                "nginx.org/ssl-redirect": "true",
                "nginx.org/client-max-body-size": "64k",
                "nginx.org/limit-req-rate": "60r/m",
                "nginx.org/limit-req-key": "${binary_remote_addr}",
                "nginx.org/limit-req-zone-size": "10m",
                "nginx.org/limit-req-burst": "10",
                "nginx.org/limit-req-no-delay": "true",
                "nginx.org/limit-req-reject-code": "429",
            },
        ),
        (
            {"controller": "haproxy", "security_headers": False, "requests_per_minute": 60},
            {
                "haproxy.org/ssl-redirect": "true",
                "haproxy.org/rate-limit-requests": "60",
                "haproxy.org/rate-limit-period": "1m",
                "haproxy.org/rate-limit-status-code": "429",
            },
        ),
        (
            {"controller": "contour", "security_headers": False},
            {"ingress.kubernetes.io/force-ssl-redirect": "true"},
        ),
        ({"controller": "other", "security_headers": False, "redirect_to_https": False}, {}),
    ],
)
def test_other_controllers_are_asked_by_their_own_annotations(settings: dict[str, Any], expected: Any) -> None:
    plan = with_ingress(**settings)
    assert annotations(plan) == expected
    assert custom(plan, "Middleware") == []


def test_haproxy_sets_the_headers_line_by_line() -> None:
    lines = annotations(with_ingress(controller="haproxy"))["haproxy.org/response-set-header"].split("\n")
    assert 'X-Content-Type-Options "nosniff"' in lines
    assert len(lines) == 4


@pytest.mark.parametrize(
    ("ingress", "secure", "proxies"),
    [
        (None, "false", "0"),
        (HOST, "true", "1"),
        (HOST | {"certificate": None, "redirect_to_https": False}, "false", "1"),
        (HOST | {"controller": "other", "redirect_to_https": False, "security_headers": False}, "true", "0"),
    ],
)
def test_the_application_believes_the_address_that_a_known_controller_appends(
    ingress: dict[str, Any] | None, secure: str, proxies: str
) -> None:
    plan = planned_with("local", {"ingress": ingress} if ingress else {})
    [container] = plan.only(DEPLOYMENT, "app-deployment").inputs["spec"]["template"]["spec"]["containers"]
    values = {each["name"]: each.get("value") for each in container["env"]}
    assert (values["SECURE_COOKIES"], values["TRUSTED_PROXIES"]) == (secure, proxies)


def test_without_a_certificate_nothing_speaks_of_tls() -> None:
    plan = with_ingress(certificate=None, redirect_to_https=False)
    assert "tls" not in plan.only(INGRESS).inputs["spec"]
    assert custom(plan, "Issuer") == custom(plan, "Certificate") == []
    [headers] = [m["spec"]["headers"] for m in custom(plan, "Middleware") if "headers" in m["spec"]]
    assert "Strict-Transport-Security" not in headers["customResponseHeaders"]


def test_certificates_come_after_the_cert_manager_that_the_stack_installs() -> None:
    plan = planned_with("local", {"ingress": HOST, "add_ons": {"cert_manager": True}})
    assert plan.only(RELEASE).inputs["chart"] == "cert-manager"
    for found in ("Issuer/app-issuer", "Certificate/app-certificate"):
        assert plan.comes_before("Release/cert-manager-release", found)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"controller": "contour"}, "security_headers: controller contour cannot be asked for it at an Ingress"),
        ({"controller": "nginx", "requests_per_minute": 60}, "set security_headers to false"),
        (
            {"controller": "haproxy", "body_kibibytes": 64},
            "set no body_kibibytes, or run one that can (traefik, nginx)",
        ),
        ({"controller": "other"}, "redirect_to_https, security_headers: controller other"),
        ({"controller": "ingress-nginx"}, "'traefik', 'nginx', 'haproxy', 'contour' or 'other'"),
        ({"certificate": None}, "redirect_to_https: there is no certificate to go to"),
        ({"certificate": {"issuer": "letsencrypt"}}, "email: letsencrypt needs an account"),
        ({"certificate": {"email": "platform@example.com"}}, "a self-signed certificate has no account"),
        ({"certificate": ACME}, "letsencrypt-staging finds no quotes.localhost"),
        ({"host": "quotes"}, "ingress.host"),
    ],
)
def test_an_entry_that_cannot_be_is_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings_with("local", {"ingress": {**HOST, **settings}})
    assert words in str(refused.value)


# ---- CloudNativePG


def test_with_the_operator_there_is_a_cluster_in_place_of_the_stateful_set() -> None:
    plan = planned_with("local", {**OPERATED, "database.instances": 3, "add_ons": {"cloudnative_pg": True}})
    assert [found.name for found in plan.of(STATEFUL_SET)] == ["valkey-server"]
    spec = only(plan, "Cluster")["spec"]
    assert (spec["instances"], spec["enablePDB"], spec["enableSuperuserAccess"]) == (3, True, False)
    assert spec["bootstrap"] == {"initdb": {"database": "app", "owner": "app"}}
    assert spec["postgresql"]["parameters"]["max_connections"] == "50"
    # The operator refuses it here, and loads the library by itself where one of its settings is given.
    assert "shared_preload_libraries" not in spec["postgresql"]["parameters"]
    assert "pg_stat_statements.track" in spec["postgresql"]["parameters"]
    assert plan.comes_before("Release/cloudnative-pg-release", "Cluster/postgresql-cluster")
    assert plan.comes_before("Cluster/postgresql-cluster", "Job/database-migrate")


def test_a_single_instance_has_no_budget_that_blocks_every_drain() -> None:
    assert only(planned_with("local", OPERATED), "Cluster")["spec"]["enablePDB"] is False


def test_the_password_and_the_authority_come_from_the_operators_secrets_as_single_keys() -> None:
    plan = planned_with("local", OPERATED)
    jobs = [found for found in plan.of("kubernetes:batch/v1:Job") if found.name == "database-migrate"]
    for found in (plan.only(DEPLOYMENT, "app-deployment"), *jobs):
        pod = found.inputs["spec"]["template"]["spec"]
        [volume] = [volume["projected"] for volume in pod["volumes"] if "projected" in volume]
        keys = {
            item["path"]: (source["secret"]["name"], item["key"])
            for source in volume["sources"]
            for item in source["secret"].get("items", [])
        }
        assert keys == {
            "database-password": ("postgresql-app", "password"),
            "database-ca.crt": ("postgresql-ca", "ca.crt"),  # the Secret has the authority's key too: not that
        }
        environment = {each["name"]: each["value"] for each in pod["containers"][0]["env"]}
        assert environment["DATABASE_HOST"] == "postgresql-rw.marlinspike.svc.cluster.local"
        assert environment["DATABASE_TLS"] == "verify-full"
        assert environment["DATABASE_TLS_CA_FILE"].endswith("/database-ca.crt")
        assert environment["DATABASE_PASSWORD_FILE"].endswith("/database-password")


def test_instances_are_reached_by_the_operator_by_each_other_and_by_their_clients_only() -> None:
    found = policy(planned_with("local", OPERATED), "postgresql")
    callers = {
        (str(peer), port["port"]) for rule in found["ingress"] for peer in rule["from"] for port in rule["ports"]
    }

    def pods(name: str) -> str:
        return str({"podSelector": {"matchLabels": {"app.kubernetes.io/name": name}}})

    operator = str({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "cnpg-system"}}})
    assert callers == {
        (pods("app"), 5432),
        (pods("database-migrate"), 5432),
        (pods("postgresql"), 5432),
        (pods("postgresql"), 8000),
        (operator, 5432),
        (operator, 8000),
    }
    called = {port["port"] for rule in found["egress"] for port in rule["ports"]}
    assert called == {53, 443, 6443, 5432, 8000}


def test_the_quota_has_room_for_the_instances_and_the_jobs_that_make_them() -> None:
    def claims(changes: dict[str, Any]) -> int:
        quota = planned_with("local", changes).only("kubernetes:core/v1:ResourceQuota")
        return int(quota.inputs["spec"]["hard"]["persistentvolumeclaims"])

    assert claims({**OPERATED, "database.instances": 3}) >= claims({}) + 3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"database.instances": 2}, "instances: 2 need an operator"),
        ({"database.max_connections": 100}, "database: max_connections 100 of 2 MiB each and 64 MiB of shared buffers"),
        (
            {"app.autoscaling": {"min_replicas": 1, "max_replicas": 2, "requests_per_second": 10}},
            "app.autoscaling.requests_per_second: target local has no monitoring",
        ),
    ],
)
def test_a_database_or_a_scaling_that_cannot_be_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings_with("local", changes)
    assert words in str(refused.value)
