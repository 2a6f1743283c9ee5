"""What must hold between monitoring and the other sections: Alertmanager and Grafana find their secrets."""

from collections.abc import Iterator, Mapping

from infra.add_ons import AddOnsSettings
from infra.monitoring.grafana import secrets_of
from infra.monitoring.stack import MonitoringSettings
from infra.secrets import SecretSettings


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
