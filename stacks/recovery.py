"""A stack file read for the second region: the same platform, with the region, network and image that hold there."""

from infra.recovery import image_in
from stacks.settings import AwsSettings


def settings_in_effect(settings: AwsSettings) -> AwsSettings:
    """The settings that the composition uses: those of the file, or where `recovery` restores, those in the second region."""
    recovery = settings.recovery
    if recovery is None or not recovery.restoring:
        return settings
    return settings.model_copy(
        update={
            "account": settings.account.model_copy(update={"region": recovery.region}),
            "network": settings.network.model_copy(update={"cidr": recovery.network_cidr}),
            "app": settings.app.model_copy(update={"image": image_in(recovery.region, settings.app.image)}),
        }
    )
