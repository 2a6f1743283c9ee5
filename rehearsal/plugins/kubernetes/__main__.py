"""`python -m rehearsal.plugins.kubernetes ENGINE_ADDRESS`: the plugin as the engine starts it."""

import sys
import threading

from rehearsal.plugins import serving
from rehearsal.plugins.faults import Faults, FaultsFileError
from rehearsal.plugins.kubernetes import types
from rehearsal.plugins.kubernetes.provider import KubernetesProvider


def main(arguments: list[str]) -> int:
    """Serves until the engine ends the process."""
    addresses = [argument for argument in arguments if not argument.startswith("-")]
    try:
        faults = Faults.from_environment()
    except FaultsFileError as error:
        print(f"pulumi-resource-kubernetes: {error}", file=sys.stderr)
        return 1
    threading.Thread(target=types.preload, daemon=True).start()
    serving.serve(KubernetesProvider(addresses[0] if addresses else "", faults))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
