"""`python -m rehearsal.plugins.aws`: what `pulumi-resource-aws` is in a rehearsal."""

import sys

from rehearsal.plugins.aws.account import Account
from rehearsal.plugins.aws.provider import AwsProvider
from rehearsal.plugins.aws.types import import_only_what_is_needed
from rehearsal.plugins.faults import Faults, FaultsFileError
from rehearsal.plugins.serving import serve
from rehearsal.variables import STATE


def main() -> None:
    """Serves one provider until the engine ends it; exits with 1 when the environment is not that of a rehearsal."""
    import_only_what_is_needed()
    try:
        provider = AwsProvider(Account.of_rehearsal(), Faults.from_environment())
    except KeyError:
        sys.exit(
            "the aws plugin simulates an account and runs only in a rehearsal: "
            f"{STATE} is not set. Use `make rehearse`."
        )
    except FaultsFileError as error:
        sys.exit(str(error))
    serve(provider)


if __name__ == "__main__":
    main()
