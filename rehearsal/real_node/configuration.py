"""What the programs of the real node are told."""

import json
from dataclasses import dataclass
from pathlib import Path

from rehearsal.control_plane.certificates import NODE_ADDRESS, NODE_NAME, Certificates
from rehearsal.real_node.cluster_dns import DNS_ADDRESS
from rehearsal.real_node.images import PAUSE
from rehearsal.real_node.requirements import PLUGINS

POD_RANGE = "10.245.0.0/24"
ZONE = "local-a"
KUBELET_FOLDER = Path("/var/lib/kubelet")
"""The kubelet keeps the sockets of device plugins there, whatever its root is."""
SANDBOX = "io.containerd.grpc.v1.cri"


@dataclass(frozen=True)
class Configuration:
    """The files of one node in `directory`."""

    directory: Path
    certificates: Certificates
    cgroup: str

    @property
    def socket(self) -> Path:
        """Where containerd answers."""
        return self.directory / "containerd.sock"

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return self.directory / "etc"

    def write(self, server: str) -> None:
        """Writes all of them. `server` is the API server's address inside the namespace."""
        network = self.folder / "network"
        network.mkdir(parents=True, exist_ok=True)
        (network / "10-pods.conflist").write_text(self._network())
        (self.folder / "containerd.toml").write_text(self._containerd(network))
        (self.folder / "kubelet.json").write_text(self._kubelet())
        (self.folder / "resolv.conf").write_text("")  # nothing outside can be reached, so nothing has a name
        for client in ("kubelet", "kube-proxy"):
            self.certificates.write_kubeconfig(self.folder / f"{client}.kubeconfig", client, server)

    def containerd(self) -> str:
        """A shell's script that becomes containerd.

        In a mount namespace of its own: what it and the kubelet mount, and what they leave in places that can't be chosen (/run,
        /var/log, the kubelet's folder), is gone with them.
        """
        return (
            "set -e; mount -t tmpfs -o mode=755 tmpfs /run; "
            f"mount --bind '{self.directory}/pod-logs' /var/log; "
            f"mkdir -p {KUBELET_FOLDER}; mount --bind '{self.directory}/kubelet' {KUBELET_FOLDER}; "
            f"exec containerd --config '{self.folder}/containerd.toml'"
        )

    def kubelet(self) -> list[str]:
        """The kubelet's flags."""
        labels = {
            "topology.kubernetes.io/zone": ZONE,
            "topology.kubernetes.io/region": "local",
            "node.kubernetes.io/instance-type": "real",
        }
        return [
            f"--config={self.folder / 'kubelet.json'}",
            f"--kubeconfig={self.folder / 'kubelet.kubeconfig'}",
            f"--root-dir={self.directory / 'kubelet'}",
            f"--hostname-override={NODE_NAME}",
            f"--node-ip={NODE_ADDRESS}",
            f"--node-labels={','.join(f'{key}={value}' for key, value in labels.items())}",
        ]

    def kube_proxy(self) -> list[str]:
        """kube-proxy's flags; its rules are in the namespace only."""
        return [
            f"--kubeconfig={self.folder / 'kube-proxy.kubeconfig'}",
            "--proxy-mode=nftables",
            f"--hostname-override={NODE_NAME}",
            f"--cluster-cidr={POD_RANGE}",
            "--conntrack-max-per-core=0",  # the machine's own limit stays
            "--bind-address=127.0.0.1",
        ]

    def _network(self) -> str:
        # Each pod has a wire of its own to the node, no bridge: so every packet passes kube-proxy's rules.
        pods = {
            "type": "ptp",
            "ipMasq": False,
            "ipam": {
                "type": "host-local",
                "dataDir": str(self.directory / "containerd" / "addresses"),
                "ranges": [[{"subnet": POD_RANGE}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        }
        return json.dumps({"cniVersion": "1.0.0", "name": "pods", "plugins": [pods]}, indent=1)

    def _containerd(self, network: Path) -> str:
        disabled = [f"io.containerd.snapshotter.v1.{kind}" for kind in ("aufs", "btrfs", "devmapper", "zfs")]
        return f"""version = 2
root = "{self.directory}/containerd/root"
state = "{self.directory}/containerd/state"
disabled_plugins = {json.dumps([*disabled, "io.containerd.internal.v1.opt"])}
[grpc]
  address = "{self.socket}"
[ttrpc]
  address = "{self.directory}/containerd.ttrpc"
[plugins."{SANDBOX}"]
  sandbox_image = "{PAUSE}"
  disable_apparmor = true
  restrict_oom_score_adj = true
  enable_unprivileged_ports = true
  [plugins."{SANDBOX}".cni]
    bin_dir = "{PLUGINS}"
    conf_dir = "{network}"
  [plugins."{SANDBOX}".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."{SANDBOX}".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."{SANDBOX}".containerd.runtimes.runc.options]
        SystemdCgroup = false
"""

    def _kubelet(self) -> str:
        return json.dumps(
            {
                "apiVersion": "kubelet.config.k8s.io/v1beta1",
                "kind": "KubeletConfiguration",
                "failCgroupV1": False,
                "cgroupDriver": "cgroupfs",
                "cgroupRoot": f"/{self.cgroup}",
                "containerRuntimeEndpoint": f"unix://{self.socket}",
                "authentication": {
                    "x509": {"clientCAFile": str(self.certificates.certificate("ca"))},
                    "anonymous": {"enabled": False},
                    "webhook": {"enabled": True},
                },
                "authorization": {"mode": "Webhook"},
                "tlsCertFile": str(self.certificates.certificate("kubelet")),
                "tlsPrivateKeyFile": str(self.certificates.key("kubelet")),
                "clusterDomain": "cluster.local",
                "clusterDNS": [DNS_ADDRESS],
                "resolvConf": str(self.folder / "resolv.conf"),
                "failSwapOn": False,
                "volumePluginDir": str(self.directory / "kubelet" / "plug-ins"),
                # The disk is the machine's: it is not the rehearsal's to clear it.
                "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
                "imageGCHighThresholdPercent": 100,
                "nodeStatusUpdateFrequency": "5s",
                "syncFrequency": "10s",
                "maxPods": 100,
            },
            indent=1,
        )
