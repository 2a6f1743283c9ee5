"""Certificates and kubeconfigs of one control plane.

Two certificate authorities: one for the API server, its clients and the other servers, and one for the aggregation
layer, as Kubernetes demands. The helpers (KWOK, metrics-server, the person who rehearses) are `system:masters`: this is
a fixture, not a model of hardening.
"""

import base64
import ipaddress
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from rehearsal.control_plane.ports import ADDRESS

VALIDITY = timedelta(days=365)
# A control plane that is kept must not run out of certificates in the middle of a rehearsal.
RENEWED_BEFORE = timedelta(days=7)

API_SERVER_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)
SERVICE_ADDRESS = "10.96.0.1"
NODE_NAME = "real-node"
NODE_ADDRESS = "10.245.255.1"
"""Of the real node (rehearsal/real_node), and of the API server for its pods; it exists in a namespace of its own only."""
MASTERS = "system:masters"


@dataclass(frozen=True)
class Certificates:
    """The certificates of one control plane: `<name>.crt` and `<name>.key` in `directory`, for the owner only."""

    directory: Path

    def certificate(self, name: str) -> Path:
        """Path of the certificate of `name`."""
        return self.directory / f"{name}.crt"

    def key(self, name: str) -> Path:
        """Path of the private key of `name`."""
        return self.directory / f"{name}.key"

    @property
    def authority(self) -> str:
        """The main authority's certificate as base64 of its PEM, as kubeconfigs and API services hold it."""
        return base64.b64encode(self.certificate("ca").read_bytes()).decode()

    def ensure(self) -> None:
        """Makes every certificate, unless they are all there and valid for another week.

        The key that signs service account tokens survives a renewal: tokens in use stay valid.
        """
        if self._valid():
            return
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        authority = _Authority.new("ca")
        front_proxy = _Authority.new("front-proxy-ca")
        for signer in (authority, front_proxy):
            self._write(signer.name, signer.certificate, signer.key)

        self._issue(
            authority,
            "apiserver",
            "kube-apiserver",
            names=API_SERVER_NAMES,
            addresses=(ADDRESS, SERVICE_ADDRESS, NODE_ADDRESS),
        )
        self._issue(authority, "kubelet-client", "kube-apiserver-kubelet-client", organization=MASTERS)
        self._issue(authority, "controller-manager", "system:kube-controller-manager")
        self._issue(authority, "scheduler", "system:kube-scheduler")
        self._issue(authority, "kwok", "kwok", organization=MASTERS, names=("localhost",), addresses=(ADDRESS,))
        self._issue(
            authority,
            "metrics-server",
            "metrics-server",
            organization=MASTERS,
            names=("localhost", "metrics-server.kube-system.svc"),
            addresses=(ADDRESS,),
        )
        self._issue(
            authority,
            "kubelet",
            f"system:node:{NODE_NAME}",
            organization="system:nodes",
            names=(NODE_NAME,),
            addresses=(NODE_ADDRESS,),
        )
        self._issue(authority, "kube-proxy", "system:kube-proxy")
        self._issue(front_proxy, "front-proxy-client", "front-proxy-client")
        if not self.key("service-accounts").exists():
            signer_key = ec.generate_private_key(ec.SECP256R1())
            _write_private(self.key("service-accounts"), _pem(signer_key))
            public = signer_key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            _write_private(self.directory / "service-accounts.pub", public)
        # Last: its presence says that the set is whole.
        self._issue(authority, "admin", "admin", organization=MASTERS)

    def write_kubeconfig(self, path: Path, client: str, server: str, context: str = "marlinspike-rehearsal") -> None:
        """Writes a kubeconfig (JSON, which is YAML) that holds the certificate of `client`, for the owner only."""
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": context, "cluster": {"server": server, "certificate-authority-data": self.authority}}
            ],
            "users": [
                {
                    "name": client,
                    "user": {
                        "client-certificate-data": base64.b64encode(self.certificate(client).read_bytes()).decode(),
                        "client-key-data": base64.b64encode(self.key(client).read_bytes()).decode(),
                    },
                }
            ],
            "contexts": [{"name": context, "context": {"cluster": context, "user": client}}],
            "current-context": context,
        }
        _write_private(path, json.dumps(document, indent=2).encode() + b"\n")

    def _valid(self) -> bool:
        try:
            last = x509.load_pem_x509_certificate(self.certificate("admin").read_bytes())
        except (OSError, ValueError):
            return False
        return last.not_valid_after_utc - RENEWED_BEFORE > datetime.now(UTC)

    def _issue(
        self,
        authority: "_Authority",
        file: str,
        common_name: str,
        *,
        organization: str | None = None,
        names: Sequence[str] = (),
        addresses: Sequence[str] = (),
    ) -> None:
        certificate, key = authority.issue(common_name, organization, names, addresses)
        self._write(file, certificate, key)

    def _write(self, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        _write_private(self.key(name), _pem(key))
        _write_private(self.certificate(name), certificate.public_bytes(serialization.Encoding.PEM))


@dataclass(frozen=True)
class _Authority:
    name: str
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def new(cls, name: str) -> "_Authority":
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            _builder(subject, subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(name, certificate, key)

    def issue(
        self, common_name: str, organization: str | None, names: Sequence[str], addresses: Sequence[str]
    ) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        key = ec.generate_private_key(ec.SECP256R1())
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
        if organization:  # Kubernetes takes it as the group
            attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
        builder = (
            _builder(x509.Name(attributes), self.certificate.subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]),
                critical=False,
            )
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        if names or addresses:
            alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
            alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        return builder.sign(self.key, hashes.SHA256()), key


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))  # clocks of containers and their hosts differ a little
        .not_valid_after(now + VALIDITY)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def _write_private(path: Path, content: bytes) -> None:
    """Replaces a file whole, never readable by others, not even for a moment."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    temporary.rename(path)
