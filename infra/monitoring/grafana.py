"""Grafana: who signs in, where its data comes from, and nothing kept that is not code."""

from typing import Annotated, Any

from pydantic import Field

from infra.identity import Permission
from infra.monitoring.dashboards.delivery import DASHBOARD_LABEL, DASHBOARD_LABEL_VALUE
from infra.pods import SECRET_KEY
from infra.settings import SecretName, Section

ACCOUNT = "grafana"
"""Its service account, by which AWS knows it."""

SECRETS_FOLDER = "/etc/secrets"

Https = Annotated[str, Field(pattern=r"^https://[^\s\"']+$", examples=["https://login.example.com/oauth2/authorize"])]


class SignInSettings(Section):
    """Key `monitoring.grafana.sign_in`: people sign in at an OpenID Connect provider (Grafana, "Generic OAuth")."""

    name: str = "Single sign-on"
    """What the button says."""

    client_id: Annotated[str, Field(pattern=r"^\S+$")]

    client_secret: SecretName
    """Of section `secrets`; Grafana reads it from a file."""

    authorization_url: Https
    token_url: Https
    user_url: Https
    """The three endpoints, as the provider's `/.well-known/openid-configuration` names them."""

    role: str = "'Viewer'"
    """JMESPath over what the provider tells of a person, that gives Viewer, Editor or Admin:
    `contains(groups[*], 'platform') && 'Admin' || 'Viewer'`. Everybody the provider knows looks on, unless it says otherwise."""

    root_url: Https | None = None
    """Where people open Grafana, if something of yours leads there; the provider sends them back to it. When left out:
    http://localhost:3000, which `kubectl port-forward` opens."""


class GrafanaSettings(Section):
    """Key `monitoring.grafana`."""

    sign_in: SignInSettings | None = None
    """When left out, only the administrator signs in, with a password that the chart draws by chance and keeps in its Secret."""


def grafana_values(settings: GrafanaSettings, region: str, enabled: bool) -> dict[str, Any]:
    """Values of the chart's part `grafana`, without placement. No Ingress, no disk: what is worth keeping is code."""
    if not enabled:
        return {"enabled": False}
    values: dict[str, Any] = {
        "enabled": True,
        # Empty takes the place of the chart's well-known default: it draws one by chance and keeps it in its Secret.
        "adminPassword": "",
        "serviceAccount": {"name": ACCOUNT},
        "persistence": {"enabled": False},
        "ingress": {"enabled": False},
        "sidecar": {
            "dashboards": {
                "enabled": True,
                "label": DASHBOARD_LABEL,
                "labelValue": DASHBOARD_LABEL_VALUE,
            }
        },
        "additionalDataSources": [
            {
                "name": "CloudWatch",
                "uid": "cloudwatch",
                "type": "cloudwatch",
                "access": "proxy",
                # As the pod itself, by Pod Identity: no key anywhere.
                "jsonData": {"authType": "default", "defaultRegion": region},
            }
        ],
        "grafana.ini": _configuration(settings.sign_in),
    }
    if settings.sign_in:
        secret = settings.sign_in.client_secret
        mount = {"name": secret, "secretName": secret, "mountPath": f"{SECRETS_FOLDER}/{secret}", "readOnly": True}
        values["extraSecretMounts"] = [mount]
    return values


def _configuration(sign_in: SignInSettings | None) -> dict[str, Any]:
    """`grafana.ini`: nobody unknown looks on, nobody makes an account, nothing is told to its makers."""
    found: dict[str, Any] = {
        "analytics": {"reporting_enabled": False, "check_for_updates": False, "check_for_plugin_updates": False},
        "auth.anonymous": {"enabled": False},
        "aws": {"allowed_auth_providers": "default", "assume_role_enabled": False},
        "security": {"disable_gravatar": True, "cookie_samesite": "lax"},
        "snapshots": {"external_enabled": False},
        "users": {"allow_sign_up": False},
    }
    if sign_in is None:
        return found
    if sign_in.root_url:
        found["server"] = {"root_url": sign_in.root_url}
        found["security"]["cookie_secure"] = True
    found["auth.generic_oauth"] = {
        "enabled": True,
        "name": sign_in.name,
        "client_id": sign_in.client_id,
        "client_secret": f"$__file{{{SECRETS_FOLDER}/{sign_in.client_secret}/{SECRET_KEY}}}",
        "auth_url": sign_in.authorization_url,
        "token_url": sign_in.token_url,
        "api_url": sign_in.user_url,
        "scopes": "openid profile email",
        "use_pkce": True,
        "allow_sign_up": True,  # of people whom the provider knows
        "role_attribute_path": sign_in.role,
        "role_attribute_strict": True,
    }
    return found


def reading_cloudwatch() -> dict[str, Permission]:
    """What the dashboard of database and cache needs: to read metrics. These actions have no resource level."""
    return {"ReadMetrics": Permission(["cloudwatch:GetMetricData", "cloudwatch:ListMetrics"], ["*"])}


def secrets_of(settings: GrafanaSettings) -> list[str]:
    """Names of the secrets that Grafana finds as files."""
    return [settings.sign_in.client_secret] if settings.sign_in else []
