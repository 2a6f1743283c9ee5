"""The programs of the control plane and what each of them is told, in the order in which they start."""

from dataclasses import dataclass
from pathlib import Path

from rehearsal.control_plane.certificates import NODE_ADDRESS, Certificates
from rehearsal.control_plane.ports import ADDRESS, Ports

ETCD = "etcd"
API_SERVER = "kube-apiserver"
CONTROLLER_MANAGER = "kube-controller-manager"
SCHEDULER = "kube-scheduler"
KWOK = "kwok"
METRICS_SERVER = "metrics-server"
FORWARDER = "api-forwarder"
"""Only where the others run in a network namespace: leads to the API server from outside."""

COMPONENTS = (ETCD, API_SERVER, CONTROLLER_MANAGER, SCHEDULER, KWOK, METRICS_SERVER)
# The API server goes before its store; the others go with it, since none of them has anything to save.
STOP_ORDER = ((FORWARDER, METRICS_SERVER, KWOK, SCHEDULER, CONTROLLER_MANAGER, API_SERVER), (ETCD,))

# Each component that logs in to the API server, and the certificate that it does so with.
API_CLIENTS = {
    CONTROLLER_MANAGER: "controller-manager",
    SCHEDULER: "scheduler",
    KWOK: "kwok",
    METRICS_SERVER: "metrics-server",
}

FORWARDER_SCRIPT = Path(__file__).with_name("forwarder.py")

SERVICE_RANGE = "10.96.0.0/16"
POD_RANGE = "10.244.0.0/16"
# Kubernetes' own limits (20 to 50 requests a second) are for busy shared servers; without them the controllers start 4
# s sooner.
REQUEST_LIMITS = ("--kube-api-qps=500", "--kube-api-burst=1000")
SIMULATED_NODE_ANNOTATION = "kwok.x-k8s.io/node"


@dataclass(frozen=True)
class Pace:
    """How fast the controllers react, in seconds; by default quicker than Kubernetes' own, to rehearse in less time."""

    autoscaler_sync: float = 2
    """How often HPAs are evaluated (Kubernetes: 15)."""
    autoscaler_downscale_stabilization: float = 10
    """How long an HPA waits before it scales down, unless its own behaviour says so (Kubernetes: 300)."""
    node_grace: float = 50
    """How long without a sign of life before a node counts as unreachable (Kubernetes: 50); KWOK gives one every 10."""
    metric_resolution: float = 10
    """How often usage is collected (metrics-server: 60, and 10 at the least)."""


@dataclass(frozen=True)
class Components:
    """Command lines for one control plane in `directory`, on `ports`."""

    directory: Path
    ports: Ports
    certificates: Certificates
    pace: Pace
    namespace: Path | None = None
    """The network namespace in which all of them run, with the real node."""

    @property
    def api_server_url(self) -> str:
        """Where the API server answers."""
        return f"https://{ADDRESS}:{self.ports.api_server}"

    def kubeconfig_of(self, component: str) -> Path:
        """The kubeconfig that a component logs in with."""
        return self.certificates.directory / f"{component}.kubeconfig"

    def etcd(self) -> list[str]:
        """The store, without fsync: waiting for the disk is not worth it where only a crash of the machine can harm."""
        clients = f"http://{ADDRESS}:{self.ports.etcd}"
        peers = f"http://{ADDRESS}:{self.ports.etcd_peer}"
        return [
            "--name=rehearsal",
            f"--data-dir={self.directory / 'etcd'}",
            "--unsafe-no-fsync",
            "--log-level=warn",
            f"--listen-client-urls={clients}",
            f"--advertise-client-urls={clients}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=rehearsal={peers}",
        ]

    def api_server(self) -> list[str]:
        """The API server: admission as EKS has it (Pod Security, node restriction), RBAC, aggregation for metrics."""
        pki = self.certificates
        return [
            f"--etcd-servers=http://{ADDRESS}:{self.ports.etcd}",
            *self._api_addresses(),
            f"--secure-port={self.ports.api_server}",
            f"--service-cluster-ip-range={SERVICE_RANGE}",
            "--authorization-mode=Node,RBAC",
            "--anonymous-auth=true",
            "--enable-admission-plugins=NodeRestriction,PodSecurity",
            "--allow-privileged=true",
            f"--client-ca-file={pki.certificate('ca')}",
            f"--tls-cert-file={pki.certificate('apiserver')}",
            f"--tls-private-key-file={pki.key('apiserver')}",
            "--kubelet-preferred-address-types=InternalIP,Hostname",  # otherwise `kubectl logs` asks DNS for the node
            f"--kubelet-client-certificate={pki.certificate('kubelet-client')}",
            f"--kubelet-client-key={pki.key('kubelet-client')}",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-signing-key-file={pki.key('service-accounts')}",
            f"--service-account-key-file={pki.directory / 'service-accounts.pub'}",
            f"--requestheader-client-ca-file={pki.certificate('front-proxy-ca')}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={pki.certificate('front-proxy-client')}",
            f"--proxy-client-key-file={pki.key('front-proxy-client')}",
            "--enable-aggregator-routing=false",
            "--profiling=false",
        ]

    def controller_manager(self) -> list[str]:
        """All of Kubernetes' own controllers, at the given pace."""
        pki = self.certificates
        return [
            *self._logs_in(CONTROLLER_MANAGER, self.ports.controller_manager),
            *REQUEST_LIMITS,
            "--leader-elect=false",
            "--use-service-account-credentials=true",
            f"--service-account-private-key-file={pki.key('service-accounts')}",
            f"--root-ca-file={pki.certificate('ca')}",
            f"--cluster-signing-cert-file={pki.certificate('ca')}",
            f"--cluster-signing-key-file={pki.key('ca')}",
            f"--service-cluster-ip-range={SERVICE_RANGE}",
            "--allocate-node-cidrs=false",  # KWOK gives the pods their addresses
            "--node-monitor-period=2s",
            f"--node-monitor-grace-period={self.pace.node_grace}s",
            f"--horizontal-pod-autoscaler-sync-period={self.pace.autoscaler_sync}s",
            f"--horizontal-pod-autoscaler-downscale-stabilization={self.pace.autoscaler_downscale_stabilization}s",
            # Simulated pods don't burn CPU while they start, so their first samples count.
            "--horizontal-pod-autoscaler-cpu-initialization-period=1s",
            "--horizontal-pod-autoscaler-initial-readiness-delay=1s",
            "--profiling=false",
        ]

    def scheduler(self) -> list[str]:
        """The scheduler, with its default profile, as on EKS."""
        return [
            *self._logs_in(SCHEDULER, self.ports.scheduler),
            *REQUEST_LIMITS,
            "--leader-elect=false",
            "--profiling=false",
        ]

    def kwok(self, metrics: Path) -> list[str]:
        """The kubelet of all nodes that carry the annotation of a simulated one, and of no others.

        `metrics` is the file with KWOK's Metric: from one in the API KWOK 0.8.0 sometimes registers no path at start
        (it races with its own cache), and then answers 404 for good.
        """
        return [
            f"--config={metrics}",
            f"--kubeconfig={self.kubeconfig_of(KWOK)}",
            f"--server-address={ADDRESS}:{self.ports.kwok}",
            f"--node-ip={ADDRESS}",
            f"--node-port={self.ports.kwok}",
            f"--cidr={POD_RANGE}",
            "--node-lease-duration-seconds=40",
            "--manage-all-nodes=false",
            f"--manage-nodes-with-annotation-selector={SIMULATED_NODE_ANNOTATION}=fake",
            f"--tls-cert-file={self.certificates.certificate('kwok')}",
            f"--tls-private-key-file={self.certificates.key('kwok')}",
            "--enable-crds=Stage,ResourceUsage,ClusterResourceUsage",
            "--v=ERROR",
        ]

    def metrics_server(self) -> list[str]:
        """The metrics API, from the usage that KWOK simulates."""
        pki = self.certificates
        return [
            *self._logs_in(METRICS_SERVER, self.ports.metrics_server),
            f"--tls-cert-file={pki.certificate('metrics-server')}",
            f"--tls-private-key-file={pki.key('metrics-server')}",
            f"--kubelet-certificate-authority={pki.certificate('ca')}",
            "--kubelet-use-node-status-port",
            "--kubelet-preferred-address-types=InternalIP",
            f"--metric-resolution={self.pace.metric_resolution}s",
            "--kubelet-request-timeout=5s",
        ]

    def forwarder(self) -> list[str]:
        """From the API server's port out here to the same one in the namespace."""
        port = self.ports.api_server
        return [str(FORWARDER_SCRIPT), str(self.namespace), f"{port}={ADDRESS}:{port}"]

    def _api_addresses(self) -> list[str]:
        if self.namespace:
            return ["--bind-address=0.0.0.0", f"--advertise-address={NODE_ADDRESS}"]
        # A loopback address is no valid endpoint of the `kubernetes` Service.
        return [f"--bind-address={ADDRESS}", f"--advertise-address={ADDRESS}", "--endpoint-reconciler-type=none"]

    def _logs_in(self, component: str, port: int) -> list[str]:
        kubeconfig = self.kubeconfig_of(component)
        return [
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            f"--bind-address={ADDRESS}",
            f"--secure-port={port}",
        ]
