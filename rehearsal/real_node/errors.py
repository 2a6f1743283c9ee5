"""What can go wrong with the real node."""

from rehearsal.control_plane.errors import ControlPlaneError


class RealNodeError(ControlPlaneError):
    """The real node can't be had or does not work; the text says why and what to do."""
