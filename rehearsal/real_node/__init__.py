"""One real node for a rehearsal: containerd, kubelet, kube-proxy and CoreDNS in a network namespace of their own.

Pods really run on it. Linux and root only; nothing leaves the namespace, and nothing outside it is changed but for Debian
packages that are installed when they are missing. Everything that it writes lies in one folder, `stop` ends it all.
"""

from rehearsal.real_node.errors import RealNodeError
from rehearsal.real_node.node import RealNode, left_running, stop

__all__ = ["RealNode", "RealNodeError", "left_running", "stop"]
