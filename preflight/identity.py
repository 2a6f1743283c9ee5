"""Who asks, in which account, and whether the regions are open."""

from collections.abc import Iterator

from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

from preflight.account import Account
from preflight.findings import Finding, fault, fine, warning
from stacks.settings import AccountStackSettings, AwsSettings

CREDENTIALS = "credentials"


def credentials(account: Account, wanted: str) -> Finding:
    """Whether there are credentials, of the account that the stack file names; nothing else can be asked without."""
    try:
        caller = account.caller
    except (BotoCoreError, ClientError) as error:
        return fault(CREDENTIALS, str(error), "log in (aws sso login, aws configure), or set AWS_PROFILE")
    if caller["Account"] != wanted:
        return fault(
            CREDENTIALS,
            f"{caller['Arn']} belongs to account {caller['Account']}; account.id is {wanted}",
            "use credentials of that account, or correct account.id",
        )
    if caller["Arn"].endswith(":root"):
        return warning(CREDENTIALS, "the account's root user", "use a role: nothing limits or outlives the root user")
    return fine(CREDENTIALS, f"{caller['Arn']} of account {wanted}")


def regions(account: Account, settings: AwsSettings | AccountStackSettings) -> Iterator[Finding]:
    """Whether the region, and the one that copies go to, is enabled (AWS, "Specify which Regions your account can use")."""
    wanted = [account.region]
    if isinstance(settings, AwsSettings) and settings.recovery:
        wanted.append(settings.recovery.region)
    if isinstance(settings, AccountStackSettings) and settings.registry and settings.registry.replicate_to:
        wanted.append(settings.registry.replicate_to)
    # Asked where every account may: an endpoint of a region that is not enabled refuses all credentials.
    answer = account.client("ec2", "us-east-1").describe_regions(AllRegions=True)
    status = {region["RegionName"]: region["OptInStatus"] for region in answer["Regions"]}
    for region in dict.fromkeys(wanted):
        if region not in status:
            yield fault("region", f"AWS has no region {region}", "correct account.region or recovery.region")
        elif status[region] == "not-opted-in":
            yield fault("region", f"{region} is not enabled", f"aws account enable-region --region-name {region}")
        else:
            yield fine("region", f"{region} is enabled")


def principals(account: Account, settings: AwsSettings) -> Iterator[Finding]:
    """Whether the cluster's roles exist (EKS refuses others), and the caller's own comes in."""
    access = settings.cluster
    lists = {
        "administrators": access.administrators,
        "deployers": access.deployers,
        "readers": access.readers,
        "viewers": access.viewers,
        "operators": access.operators,
        "namespace_editors": tuple(access.namespace_editors),
    }
    iam = account.client("iam")
    missing = []
    for name, arns in lists.items():
        for arn in arns:
            owner, kind, own_name = arn.split(":")[4], arn.split(":")[5].split("/")[0], arn.split("/")[-1]
            if owner != settings.account.id:
                continue  # of another account, which cannot be asked from here
            try:
                if kind == "role":
                    iam.get_role(RoleName=own_name)
                else:
                    iam.get_user(UserName=own_name)
            except iam.exceptions.NoSuchEntityException:
                missing.append(f"cluster.{name}: {arn}")
    for entry in missing:
        yield fault("cluster access", f"{entry} does not exist, and EKS refuses it", "make it, or remove the entry")
    if not missing:
        yield fine("cluster access", f"{sum(len(arns) for arns in lists.values())} principals exist")
    asking = account.caller_role or account.caller["Arn"]
    if asking not in (*access.administrators, *access.deployers):
        yield fault(
            "cluster access",
            f"{asking} is neither among cluster.administrators nor deployers, so the objects in the cluster could not be made",
            "add its ARN to cluster.administrators, or run pulumi up as one of them",
        )


def issuer(account: Account) -> Iterator[Finding]:
    """Whether GitHub's identity provider exists already: an account has it once."""
    listed = account.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
    existing = next((entry["Arn"] for entry in listed if "token.actions.githubusercontent.com" in entry["Arn"]), None)
    if existing is None:
        yield fine("identity provider", "GitHub's is not there yet; the stack makes it")
        return
    yield warning(
        "identity provider",
        f"{existing} exists, perhaps by this stack",
        "before the first up, import it (docs/procedures/first-account.md)",
    )
