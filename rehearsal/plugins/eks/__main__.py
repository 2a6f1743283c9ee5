"""`python -m rehearsal.plugins.eks ENGINE`: what `pulumi-resource-eks` is in a rehearsal."""

import sys

from rehearsal.plugins.eks.server import serve


def main() -> None:
    """Serves the component until the engine ends it."""
    addresses = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    if not addresses:
        sys.exit("the eks plugin is started by the Pulumi engine, which gives it its address; use `make rehearse`")
    serve(addresses[-1])


if __name__ == "__main__":
    main()
