"""Computing: launch templates (service `ec2`)."""

from rehearsal.plugins.aws.errors import AwsError
from rehearsal.plugins.aws.subject import Computed, Subject, makes

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


@makes("aws:ec2/launchTemplate:LaunchTemplate")
def launch_template(subject: Subject) -> Computed:
    """A launch template; each change of its content is a new version."""
    identifier = f"lt-{subject.hex()}"
    if any(other.value("name") == subject.inputs.get("name") for other in subject.others()):
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
