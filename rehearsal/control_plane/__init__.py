"""A real Kubernetes control plane from plain processes on the loopback, with simulated kubelets.

What it decides (admission, scheduling, spread, autoscaling, disruption budgets, quotas) is Kubernetes' own work. What
is simulated is named as such: nodes and the pods on them (KWOK), and with them their load.
"""

from rehearsal.control_plane.components import Pace
from rehearsal.control_plane.control_plane import ControlPlane
from rehearsal.control_plane.errors import ControlPlaneError

__all__ = ["ControlPlane", "ControlPlaneError", "Pace"]
