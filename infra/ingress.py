"""The public entry of a stack without AWS: an Ingress of the cluster's own controller, with a certificate by cert-manager."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, Output, ResourceOptions
from pydantic import Field, model_validator

from infra.edge import HEADERS
from infra.ingress_controllers import Controller, Wishes, annotations, middlewares, refusal
from infra.naming import SYSTEM_NAMESPACE, object_metadata
from infra.settings import DomainName, Email, Section

SOLVER = "acme-solver"
"""What the pods are called that answer Let's Encrypt's question; network policies know them by it."""

SOLVER_PORT = 8089
"""On which they answer (cert-manager, `--acme-http01-solver-image` and its listening port)."""

LETS_ENCRYPT = {
    "letsencrypt-staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
    "letsencrypt": "https://acme-v02.api.letsencrypt.org/directory",
}
"""Directories (letsencrypt.org, "Staging Environment" and "Getting Started")."""

NOT_PUBLIC = (".localhost", ".local", ".test", ".internal", ".invalid", ".example")
"""Names that no public DNS ever has (RFC 6761, RFC 6762, RFC 9476)."""


class CertificateSettings(Section):
    """Who signs the certificate. cert-manager must be there: the cluster's own, or `add_ons.cert_manager` installs it."""

    issuer: Literal["self-signed", "letsencrypt-staging", "letsencrypt"] = "self-signed"
    """Let's Encrypt must reach the host by HTTP; browsers trust its production only, which allows five failures an hour."""

    email: Email | None = None
    """For Let's Encrypt's account: who is told of a certificate that is about to expire."""

    @model_validator(mode="after")
    def _an_account_has_an_owner(self) -> "CertificateSettings":
        if (self.issuer == "self-signed") != (self.email is None):
            raise ValueError(
                "email: a self-signed certificate has no account; leave it out"
                if self.email
                else f"email: {self.issuer} needs an account; name somebody who reads what it writes"
            )
        return self


class IngressSettings(Section):
    """Section `ingress` of a stack without AWS. Left out, the application is reached by `kubectl port-forward` only."""

    host: DomainName
    """The name under which people find the application; `quotes.localhost` leads to this machine in most browsers."""

    controller: Controller = "traefik"
    """Which kind runs in the cluster: each has annotations of its own. `other` gets none."""

    class_name: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", max_length=63)] = "traefik"
    """The IngressClass, as `kubectl get ingressclass` lists it."""

    namespace: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=63)] = SYSTEM_NAMESPACE
    """Where the controller's pods run: they, and no others, may call the application. k3s and k3d have theirs in kube-system."""

    pod_labels: dict[str, str] = Field({})
    """Of the controller's pods, where other pods of its namespace shall not call."""

    certificate: CertificateSettings | None = CertificateSettings()
    """`null` leaves it with plain HTTP."""

    redirect_to_https: bool = True
    security_headers: bool = True
    """Strict-Transport-Security, Content-Security-Policy, X-Content-Type-Options, X-Frame-Options: those of AWS's edge."""

    requests_per_minute: int | None = Field(None, ge=10, le=1_000_000)
    """Of one client's address; above, it is answered 429. AWS's edge allows 2000 in five minutes."""

    body_kibibytes: int | None = Field(None, ge=1, le=1_048_576)
    """The longest body of a request; above, it is answered 413. The application itself takes 64."""

    @model_validator(mode="after")
    def _the_controller_can(self) -> "IngressSettings":
        wrong = refusal(self.controller, self.wishes)
        if wrong:
            raise ValueError(wrong)
        return self

    @model_validator(mode="after")
    def _https_needs_a_certificate(self) -> "IngressSettings":
        if self.certificate is None and self.redirect_to_https:
            raise ValueError(
                "redirect_to_https: there is no certificate to go to; set it to false, or name a certificate"
            )
        if self.certificate and self.certificate.email and self.host.endswith(NOT_PUBLIC):
            raise ValueError(
                f"certificate.issuer: {self.certificate.issuer} finds no {self.host}, since public DNS has no such names; "
                "take self-signed, or a host of your own domain"
            )
        return self

    @property
    def proxies(self) -> int:
        """How many append to X-Forwarded-For who called them: the named controllers do, of `other` nothing is known."""
        return 0 if self.controller == "other" else 1

    @property
    def wishes(self) -> Wishes:
        """What the controller shall do beyond leading requests to the pods."""
        return Wishes(
            redirect_to_https=self.redirect_to_https,
            headers=_headers(secure=self.certificate is not None) if self.security_headers else {},
            requests_per_minute=self.requests_per_minute,
            body_kibibytes=self.body_kibibytes,
        )

    @property
    def asks_the_world(self) -> bool:
        """Whether a certificate authority asks for a proof at this entry."""
        return self.certificate is not None and self.certificate.issuer in LETS_ENCRYPT


class Ingress(pulumi.ComponentResource):
    """The Ingress of one Service, and with a certificate its Issuer and Certificate; for Traefik also its Middlewares.

    Type token: `marlinspike:ingress:Ingress`.
    """

    address: str
    """As people type it."""

    def __init__(
        self,
        name: str,
        settings: IngressSettings,
        namespace: Input[str],
        service_name: Input[str],
        depends_on: Sequence[pulumi.Resource] = (),
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:ingress:Ingress", name, {}, opts)
        self._name, self._settings, self._namespace = name, settings, namespace
        self._options = ResourceOptions(parent=self, depends_on=list(depends_on))
        before: list[pulumi.Resource] = [
            self._object("traefik.io/v1alpha1", "Middleware", part, spec) for part, spec in self._middlewares()
        ]
        if settings.certificate:
            before += self._certificate(settings.certificate)
        tls = {"tls": [{"hosts": [settings.host], "secret_name": f"{name}-tls"}]} if settings.certificate else {}
        kubernetes.networking.v1.Ingress(
            f"{name}-ingress",
            metadata={
                **object_metadata(name, namespace),
                "annotations": {
                    # Controllers of a laptop's cluster often tell no address, and the provider would wait for one.
                    "pulumi.com/skipAwait": "true",
                    **self._annotations(),
                },
            },
            spec=_spec(settings, service_name, tls),
            opts=ResourceOptions(parent=self, depends_on=[*depends_on, *before]),
        )
        self.address = f"{'https' if settings.certificate else 'http'}://{settings.host}"
        self.register_outputs({})

    def _middlewares(self) -> list[tuple[str, dict[str, Any]]]:
        found = middlewares(self._settings.wishes) if self._settings.controller == "traefik" else {}
        return [(f"{self._name}-{part}", spec) for part, spec in found.items()]

    def _annotations(self) -> dict[str, Input[str]]:
        if self._settings.controller != "traefik":
            return dict(annotations(self._settings.controller, self._settings.wishes))
        names = [Output.concat(self._namespace, "-", part, "@kubernetescrd") for part, _ in self._middlewares()]
        if not names:
            return {}
        joined = Output.all(*names).apply(",".join)
        return {"traefik.ingress.kubernetes.io/router.middlewares": joined}

    def _certificate(self, settings: CertificateSettings) -> list[pulumi.Resource]:
        spec: dict[str, Any] = {"selfSigned": {}}
        if settings.issuer in LETS_ENCRYPT:
            solver = {
                "ingressClassName": self._settings.class_name,
                "podTemplate": {"metadata": {"labels": {"app.kubernetes.io/name": SOLVER}}},
            }
            spec = {
                "acme": {
                    "server": LETS_ENCRYPT[settings.issuer],
                    "email": settings.email,
                    # An account's key belongs to its directory: the other one's would be refused.
                    "privateKeySecretRef": {"name": f"{self._name}-{settings.issuer}-account"},
                    "solvers": [{"http01": {"ingress": solver}}],
                }
            }
        certificate = {
            "secretName": f"{self._name}-tls",
            "dnsNames": [self._settings.host],
            "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
            "issuerRef": {"kind": "Issuer", "name": self._name},
        }
        return [
            self._object("cert-manager.io/v1", "Issuer", self._name, spec),
            self._object("cert-manager.io/v1", "Certificate", self._name, certificate),
        ]

    def _object(
        self, api_version: str, kind: str, name: str, spec: Mapping[str, Any]
    ) -> kubernetes.apiextensions.CustomResource:
        return kubernetes.apiextensions.CustomResource(
            f"{name}-{kind.lower()}",
            api_version=api_version,
            kind=kind,
            metadata=object_metadata(name, self._namespace),
            spec=dict(spec),
            opts=self._options,
        )


def _spec(
    settings: IngressSettings, service_name: Input[str], tls: Mapping[str, Any]
) -> kubernetes.networking.v1.IngressSpecArgsDict:
    backend: kubernetes.networking.v1.IngressBackendArgsDict = {
        "service": {"name": service_name, "port": {"name": "http"}}
    }
    path: kubernetes.networking.v1.HTTPIngressPathArgsDict = {"path": "/", "path_type": "Prefix", "backend": backend}
    return {
        "ingress_class_name": settings.class_name,
        "rules": [{"host": settings.host, "http": {"paths": [path]}}],
        **tls,  # type: ignore[typeddict-item]
    }


def _headers(secure: bool) -> dict[str, str]:
    # Over plain HTTP browsers ignore Strict-Transport-Security (RFC 6797, 8.1).
    return {name: value for name, value in HEADERS.items() if secure or name != "Strict-Transport-Security"}
