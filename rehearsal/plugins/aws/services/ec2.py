"""Computing: launch templates and instances (service `ec2`)."""

from rehearsal.plugins.aws.errors import AwsError
from rehearsal.plugins.aws.subject import DNS_SUFFIX, Computed, Subject, makes

LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"

# A change of these alone makes no new version (terraform-provider-aws internal/service/ec2/ec2_launch_template.go).
_UNVERSIONED = frozenset(
    {
        "name",
        "namePrefix",
        "tags",
        "tagsAll",
        "defaultVersion",
        "updateDefaultVersion",
        "disableApiTermination",
        "region",
    }
)


@makes(LAUNCH_TEMPLATE)
def launch_template(subject: Subject) -> Computed:
    """A launch template; each change of its content is a new version."""
    identifier = f"lt-{subject.hex()}"
    for other in subject.account.all(LAUNCH_TEMPLATE):
        if other.seed != subject.seed and other.value("name") == subject.inputs.get("name"):
            raise AwsError("InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use.")
    latest = _next_version(subject)
    moves_default = bool(subject.inputs.get("updateDefaultVersion"))
    return Computed(
        identifier,
        {
            "arn": subject.arn("ec2", f"launch-template/{identifier}"),
            "latestVersion": latest,
            "defaultVersion": latest if moves_default else subject.previous.get("defaultVersion", 1),
            "metadataOptions": {
                "httpEndpoint": "enabled",
                "httpProtocolIpv6": "disabled",
                "httpTokens": "optional",
                "httpPutResponseHopLimit": 1,
                "instanceMetadataTags": "disabled",
            },
        },
    )


def _next_version(subject: Subject) -> int:
    before = subject.previous.get("latestVersion")
    if before is None:
        return 1
    names = (set(subject.inputs) | set(subject.previous_inputs)) - _UNVERSIONED
    changed = any(
        subject.inputs.get(name) != subject.previous_inputs.get(name) for name in names if not name.startswith("__")
    )
    return int(before) + changed


@makes("aws:ec2/instance:Instance")
def instance(subject: Subject) -> Computed:
    """A virtual machine."""
    identifier = f"i-{subject.hex()}"
    public = subject.address()
    return Computed(
        identifier,
        {
            "arn": subject.arn("ec2", f"instance/{identifier}"),
            "instanceState": "running",
            "primaryNetworkInterfaceId": f"eni-{subject.hex(salt='interface')}",
            "publicIp": public,
            "publicDns": f"ec2-{public.replace('.', '-')}.{subject.region}.compute.{DNS_SUFFIX}",
        },
    )
