"""What a person is told when the control plane does not come up."""


class ControlPlaneError(Exception):
    """The control plane, or a part of it, could not be started, reached or stopped: why, and what to do."""
