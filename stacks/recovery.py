"""A stack file read for the second region: the same platform, with the region, network and image that hold there."""

from infra.recovery import image_in
from infra.workload_settings import WorkloadSettings
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
            # Snapshots of a cache stay in their region; the second one's begins empty.
            "cache": settings.cache.model_copy(update={"restore_from": None}),
            "app": _from_copies(settings.app, recovery.region),
            "workloads": {name: _from_copies(each, recovery.region) for name, each in settings.workloads.items()},
        }
    )


def _from_copies(workload: WorkloadSettings, region: str) -> WorkloadSettings:
    """With the images that its region's registry has, the standby's too."""
    standby = workload.release.standby
    release = workload.release.model_copy(update={"standby": image_in(region, standby) if standby else None})
    return workload.model_copy(update={"image": image_in(region, workload.image), "release": release})
