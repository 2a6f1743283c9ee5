"""What can go wrong with images."""

from rehearsal.control_plane.errors import ControlPlaneError


class ImageError(ControlPlaneError):
    """An image can't be made; the text says why and what to do."""
