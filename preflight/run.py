"""Puts the checks together: the stack file, then the account, every check although another has failed."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from preflight import identity, offers, surroundings
from preflight.account import Account, guarded
from preflight.findings import Finding, fault, fine, warning
from preflight.permissions import permissions
from preflight.placeholders import placeholders
from preflight.quotas import quotas, room
from stacks.configuration import config_of, settings_of, stack_file
from stacks.settings import AccountStackSettings, AwsSettings, LocalSettings, Settings, SettingsError

Check = Callable[[], Iterator[Finding]]


def preflight(folder: Path, stack: str, make_account: Callable[[str], Account] = Account) -> list[Finding]:
    """Everything that is found, of the file and of the account that it names. Raises NoStackError."""
    config = config_of(stack_file(folder, stack, "make preflight STACK=dev"))
    found = placeholders(config)
    try:
        settings = settings_of(folder, stack, config)
    except SettingsError as error:
        return [
            *found,
            *(fault("settings", text, "correct the stack file") for text in error.faults),
            warning("account", "not looked at, since the settings are not known", "run the preflight again"),
        ]
    if isinstance(settings, LocalSettings):
        return [*found, fine("account", "target local needs none")]
    return [*found, *of_account(make_account(settings.account.region), settings, stack)]


def of_account(account: Account, settings: AwsSettings | AccountStackSettings, stack: str) -> list[Finding]:
    """Everything that is found in the account; only the credentials' fault when there is no way in."""
    found = [identity.credentials(account, settings.account.id)]
    if "caller" not in vars(account):
        return [
            *found,
            warning("account", "not looked at, since there are no credentials", "log in, and run the preflight again"),
        ]
    for name, check in _checks(account, settings, stack).items():
        found.extend(guarded(name, check))
    return found


def _checks(account: Account, settings: Settings, stack: str) -> dict[str, Check]:
    if isinstance(settings, AccountStackSettings):
        issuer = {"identity provider": partial(identity.issuer, account)} if settings.delivery else {}
        return {"region": partial(identity.regions, account, settings), **issuer}
    assert isinstance(settings, AwsSettings)  # noqa: S101 - `local` has no account, and is answered before
    return {
        "region": partial(identity.regions, account, settings),
        "permissions": partial(permissions, account, settings, stack),
        "cluster access": partial(identity.principals, account, settings),
        "quotas": partial(_quotas, account, settings),
        "instance types": partial(offers.instance_types, account, settings),
        "EKS version": partial(offers.kubernetes, account),
        "RDS": partial(offers.postgresql, account, settings),
        "ElastiCache": partial(offers.valkey, account, settings),
        "DNS": partial(surroundings.names, account, settings),
        "images": partial(surroundings.images, account, settings),
        "network": partial(surroundings.networks, account, settings, stack),
    }


def _quotas(account: Account, settings: AwsSettings) -> Iterator[Finding]:
    for quota in quotas(account, settings):
        yield from guarded(f"quota: {quota.name}", partial(room, account, quota))
