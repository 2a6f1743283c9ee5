"""What must hold between monitoring and the other sections: what it writes to, and the secrets that its pods find."""

from collections.abc import Iterator, Mapping

from infra.add_ons import AddOnsSettings
from infra.monitoring.grafana import secrets_of
from infra.monitoring.stack import MonitoringSettings
from infra.secrets import SecretSettings
from stacks.sections import AccountSettings


def notifications_find_their_secrets(
    monitoring: MonitoringSettings, secrets: Mapping[str, SecretSettings], add_ons: AddOnsSettings
) -> Iterator[str]:
    """Alertmanager's pod waits for ever for a Secret that nobody makes, and so nobody is told of that either."""
    if not monitoring.enabled:
        return
    named = monitoring.notifications.secrets
    for setting, secret in named.items():
        if secret not in secrets:
            known = f"; known are {', '.join(sorted(secrets))}" if secrets else ""
            yield (
                f"monitoring.notifications.{setting}: {secret} is not in section secrets; add it there with its "
                f"description{known}"
            )
    if named and not add_ons.external_secrets:
        yield (
            "monitoring.notifications: nothing brings its secrets into the cluster; set add_ons.external_secrets to true "
            "(docs/procedures/secrets.md)"
        )


def grafanas_secret_is_somewhere(
    monitoring: MonitoringSettings, secrets: Mapping[str, SecretSettings], add_ons: AddOnsSettings
) -> Iterator[str]:
    """Grafana's pod waits for ever for a Secret that nobody makes."""
    key = "monitoring.grafana.sign_in.client_secret"
    for missing in sorted({*secrets_of(monitoring.grafana)} - secrets.keys()):
        yield f"{key}: {missing} is not in section secrets; add it there with its description"
    if secrets_of(monitoring.grafana) and not add_ons.external_secrets:
        yield f"{key}: nothing brings it into the cluster; set add_ons.external_secrets to true (docs/procedures/secrets.md)"


def samples_stay_in_the_account(monitoring: MonitoringSettings, account: AccountSettings) -> Iterator[str]:
    """A pod's role is one of this account, and a workspace of another one lets in only roles of its own."""
    write = monitoring.remote_write
    if monitoring.enabled and write is not None and write.account_id != account.id:
        yield (
            f"monitoring.remote_write.workspace_arn: the workspace is in account {write.account_id}, and Prometheus' role in "
            f"{account.id} may not write there; name a workspace of this account"
        )
