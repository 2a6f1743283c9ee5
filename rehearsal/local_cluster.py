"""The cluster of one rehearsal on this machine: the control plane, and the real node where there is one."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from rehearsal.control_plane import ControlPlane
from rehearsal.control_plane.control_plane import stop as stop_control_plane
from rehearsal.node_kinds import LOCAL, REAL, SIMULATED, chosen
from rehearsal.real_node import RealNode
from rehearsal.real_node import stop as stop_node
from rehearsal.say import Say
from rehearsal.toolchain import Toolchain
from rehearsal.toolchain.disk import require_free

STATE_GB = 0.3
"""What a running rehearsal needs beside the tools, in 10^9 bytes: etcd's log and store, the state, the logs."""

REAL_NODE_GB = 1.0
"""What a real node needs beside that: images, unpacked too, and what its containers write."""


class LocalCluster:
    """The cluster of the stack `stack`, whose rehearsal keeps its state in `state`.

    `node` is SIMULATED or REAL; None goes on with what there is. Raises RehearsalError where that can't be.
    """

    def __init__(self, stack: str, state: Path, node: str | None, port_base: int | None, say: Say) -> None:
        self._stack, self._state = stack, state
        self._port_base = port_base
        self._say = say
        self.directory = state / "control-plane"
        self._node_directory = state / "real-node"
        present = REAL if self._node_directory.is_dir() else SIMULATED if self.directory.is_dir() else None
        self.node = RealNode(self._node_directory, say) if chosen(stack, node, present) == REAL else None
        self.control_plane: ControlPlane | None = None
        """None until `start`."""

    @property
    def kubeconfig(self) -> Path:
        """The administrator's; the file is there once the cluster was started."""
        return self.directory / "kubeconfig"

    def start(self, toolchain: Toolchain, stack_file_text: str) -> Mapping[str, str]:
        """Makes the control plane run, and the real node where there is one; returns settings that go with that."""
        if not (self.directory / "etcd").exists():
            require_free(
                {self._state: STATE_GB + (REAL_NODE_GB if self.node else 0)},
                f"the rehearsal of {self._stack}",
                "free some space, for example with `make clean` (it ends and forgets the rehearsals of this clone), "
                "and run the same command again.",
            )
        if self.node:
            self.node.prepare()
        self.control_plane = ControlPlane.start(
            self.directory,
            toolchain.control_plane,
            port_base=self._port_base,
            simulated_nodes=self._stack == LOCAL and self.node is None,
            namespace=self.node.namespace if self.node else None,
            progress=self._say,
        )
        if self.node is None:
            return {}
        self.node.join(self.control_plane, toolchain.control_plane, _application_image(stack_file_text))
        return self.node.settings

    def stop(self) -> None:
        """Stops it; its data stay."""
        stop_node(self._node_directory)
        stop_control_plane(self.directory)
        self.control_plane = None

    def about_the_node(self) -> tuple[str, ...]:
        """What of a real node differs from what the stack asks for, and where the application answers."""
        if self.node is None or self.control_plane is None:
            return ()
        address = self.node.forward(self.control_plane)
        answers = (f"The application answers on {address} (try {address}/quotes)",) if address else ()
        return (*self.node.differences(), *answers)

    def leave_kubeconfig(self, out: Path) -> Path | None:
        """Copies the kubeconfig to `out`, for its reader only; None where no control plane was started."""
        if self.control_plane is None:
            return None
        copied = out / "kubeconfig"
        copied.touch(0o600)
        copied.write_text(self.kubeconfig.read_text())
        return copied


def _application_image(stack_file_text: str) -> str:
    """The image that the stack file asks for: the real node gives that name to the one that it makes."""
    config = yaml.safe_load(stack_file_text).get("config") or {}
    return next(str(section["image"]) for key, section in config.items() if key.endswith(":app"))
