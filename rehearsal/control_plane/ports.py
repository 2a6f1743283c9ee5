"""The ports of one control plane: a block of eight on 127.0.0.1, so that several run side by side."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rehearsal.control_plane.errors import ControlPlaneError

ADDRESS = "127.0.0.1"
BLOCK = 8
# Below the ports that Linux hands out for outgoing connections (32768 and up), so that none of those is in the way.
FIRST_BLOCK = 16440
BLOCKS_SEARCHED = 200
PORT_BASE_VARIABLE = "MARLINSPIKE_PORT_BASE"


@dataclass(frozen=True)
class Ports:
    """One block of ports, counted from `base`."""

    base: int

    @property
    def etcd(self) -> int:
        """Where etcd serves its clients."""
        return self.base

    @property
    def etcd_peer(self) -> int:
        """Where etcd listens for peers: it has none, but can't do without."""
        return self.base + 1

    @property
    def reservation(self) -> int:
        """Held by whoever is starting a control plane on this block, and free afterwards."""
        return self.base + 2

    @property
    def api_server(self) -> int:
        """The API, with TLS: the port in the kubeconfig."""
        return self.base + 3

    @property
    def controller_manager(self) -> int:
        """The controller manager's own metrics and health."""
        return self.base + 4

    @property
    def scheduler(self) -> int:
        """The scheduler's own metrics and health."""
        return self.base + 5

    @property
    def kwok(self) -> int:
        """The kubelet port of every simulated node."""
        return self.base + 6

    @property
    def metrics_server(self) -> int:
        """The metrics API, behind the API server's aggregation layer."""
        return self.base + 7

    @property
    def forwarded(self) -> int:
        """With a real node: leads to the application's Service; inside the namespace, KWOK has the same number."""
        return self.kwok

    def first_taken(self) -> int | None:
        """The lowest port of the block that something listens on, or None."""
        return next((port for port in range(self.base, self.base + BLOCK) if _taken(port)), None)


@contextmanager
def reserved(port_base: int | None, preferred: int | None = None) -> Iterator[Ports]:
    """A free block, kept from others who search at the same time until the context ends (by then its programs listen).

    `port_base` (or else the environment variable MARLINSPIKE_PORT_BASE) demands one block; otherwise `preferred`, where
    the same control plane was before, comes first, and then the first free one. Raises ControlPlaneError that names the
    port which is in the way.
    """
    demanded = port_base if port_base is not None else _from_environment()
    if demanded is not None:
        bases = [_valid(demanded)]
    else:
        searched = [FIRST_BLOCK + index * BLOCK for index in range(BLOCKS_SEARCHED)]
        bases = ([preferred] if preferred is not None else []) + searched
    for base in bases:
        ports = Ports(base)
        reservation = _reserve(ports.reservation)
        if reservation is None:
            continue
        with reservation:
            _require_loopback(reservation)
            # Asked only now: two searchers can't both hold the reservation.
            taken = next(
                (port for port in range(base, base + BLOCK) if port != ports.reservation and _taken(port)), None
            )
            if taken is None:
                yield ports
                return
    if demanded is not None:
        taken = Ports(demanded).first_taken() or Ports(demanded).reservation
        raise ControlPlaneError(
            f"port {taken} on {ADDRESS} is in use, and the control plane was told to use {demanded} to "
            f"{demanded + BLOCK - 1}: end what listens there, set "
            f"{PORT_BASE_VARIABLE} to the first of {BLOCK} free ports, or unset it and free ones are searched"
        )
    raise ControlPlaneError(
        f"no {BLOCK} free ports in a row between {FIRST_BLOCK} and {bases[-1] + BLOCK - 1} on {ADDRESS}: "
        f"set {PORT_BASE_VARIABLE} to the first of {BLOCK} that are free"
    )


def _from_environment() -> int | None:
    value = os.environ.get(PORT_BASE_VARIABLE, "").strip()
    if not value:
        return None
    if not value.isdecimal():
        raise ControlPlaneError(
            f"{PORT_BASE_VARIABLE} is {value!r}: it must be a port number, the first of {BLOCK} free ones in a row"
        )
    return int(value)


def _valid(base: int) -> int:
    if not 1024 <= base <= 65536 - BLOCK:
        raise ControlPlaneError(
            f"port base {base}: it must lie between 1024 and {65536 - BLOCK} (set {PORT_BASE_VARIABLE})"
        )
    return base


def _reserve(port: int) -> socket.socket | None:
    holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        holder.bind((ADDRESS, port))
        holder.listen(1)
    except OSError:
        holder.close()
        return None
    return holder


def _require_loopback(listening: socket.socket) -> None:
    """Raises ControlPlaneError when not even this machine reaches what listens on its loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(5)
        try:
            probe.connect(listening.getsockname())
        except OSError as reason:
            raise ControlPlaneError(
                f"this machine does not reach itself on {ADDRESS} ({reason.strerror or reason}), and the control plane "
                "talks over it: bring the loopback up (`ip link set lo up`), or open it in the firewall"
            ) from reason


def _taken(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers do: a connection of an earlier run in TIME_WAIT is no reason to refuse the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError:
            return True
    return False
