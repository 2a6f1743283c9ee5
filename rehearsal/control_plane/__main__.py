"""Starts and stops one control plane by hand: `python -m rehearsal.control_plane start DIR --binaries DIR`, `stop DIR`."""

import argparse
import sys
import time
from pathlib import Path

from rehearsal.control_plane import ControlPlane, ControlPlaneError
from rehearsal.control_plane.control_plane import stop
from rehearsal.control_plane.ports import PORT_BASE_VARIABLE


def main(arguments: list[str] | None = None) -> int:
    """Does what the arguments say; returns the exit status: 1 with the reason on standard error when it could not."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal.control_plane", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    starting = commands.add_parser("start", help="start a control plane, or find the one that runs in the directory")
    starting.add_argument("directory", type=Path, help="where it keeps its store, logs and kubeconfig")
    starting.add_argument("--binaries", type=Path, required=True, help="folder of etcd, kube-apiserver, ...")
    starting.add_argument(
        "--port-base", type=int, help=f"first of 8 free ports (default: ${PORT_BASE_VARIABLE}, else searched)"
    )
    starting.add_argument("--nodes", action="store_true", help="join three simulated nodes in three zones")
    stopping = commands.add_parser("stop", help="end the control plane of a directory; what it stored stays there")
    stopping.add_argument("directory", type=Path)
    chosen = parser.parse_args(arguments)

    began = time.monotonic()

    def progress(step: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {step}", flush=True)

    try:
        if chosen.command == "stop":
            print("stopped" if stop(chosen.directory) else f"nothing runs in {chosen.directory}")
            return 0
        control_plane = ControlPlane.start(
            chosen.directory,
            chosen.binaries,
            port_base=chosen.port_base,
            simulated_nodes=chosen.nodes,
            progress=progress,
        )
    except ControlPlaneError as error:
        print(f"control plane: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; what was started has been stopped", file=sys.stderr)
        return 130
    print(f"ready. Use it with: export KUBECONFIG={control_plane.kubeconfig}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
