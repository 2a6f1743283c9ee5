"""Bounds the roles of an environment, those that components of others make too."""

from collections.abc import Callable

from pulumi import ResourceTransformArgs, ResourceTransformResult

from infra.delivery.scope import boundary_arn

Transform = Callable[[ResourceTransformArgs], ResourceTransformResult | None]


def bounding(account_id: str) -> Transform:
    """A transform that gives each IAM role the permissions boundary that the account's own stack made.

    As a transform it reaches the role that pulumi-eks makes and every role that is added one day: a role without the bound
    could not be made by the deploy role.
    """
    arn = boundary_arn(account_id)

    def bound(args: ResourceTransformArgs) -> ResourceTransformResult | None:
        if args.type_ != "aws:iam/role:Role":
            return None
        return ResourceTransformResult({**args.props, "permissionsBoundary": arn}, args.opts)

    return bound
