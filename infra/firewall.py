"""The firewall before the load balancer: AWS's baseline rules, and limits on requests for each client."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import pulumi
import pulumi_aws as aws
from pulumi import Input, ResourceOptions
from pydantic import Field, model_validator

from infra.identity import policy_of
from infra.log_delivery import LOG_DELIVERY, for_this_account
from infra.settings import Section

WINDOW_SECONDS = 300
"""How far back a rate-based rule counts (AWS WAF, "Rate-based rule high-level settings": 60, 120, 300 or 600)."""

LEAST_REQUESTS = 10
"""The lowest limit of a rate-based rule (same page)."""

MANAGED_GROUPS: Mapping[str, Sequence[str]] = {
    "AWSManagedRulesAmazonIpReputationList": (),
    # Behind a load balancer it refuses bodies above 8 KiB; a quote in escaped characters has 27, and the application itself
    # refuses those above 64 (app/body_limit.py). What is beyond the first 8 KiB of a body, no rule sees.
    "AWSManagedRulesCommonRuleSet": ("SizeRestrictions_BODY",),
    "AWSManagedRulesKnownBadInputsRuleSet": (),
    "AWSManagedRulesSQLiRuleSet": (),
    "AWSManagedRulesLinuxRuleSet": (),
}
"""AWS's rule groups in the order of their evaluation, each with those rules that count and never block. Together 1,325 of the
1,500 capacity units that the base price covers; a log-in path takes 22, a limit 2."""

SECRET_HEADERS = ("authorization", "cookie")
"""Never logged: whoever reads them is logged in."""


class FirewallSettings(Section):
    """Key `firewall` of section `edge`."""

    mode: Literal["off", "count", "block"] = "block"
    """`count` only records what `block` would refuse: for finding false alarms first. `off` makes no firewall."""

    requests_per_5_minutes: int = Field(2000, ge=LEAST_REQUESTS, le=2_000_000_000)
    """Of one client address, in any five minutes; more are answered with 429."""

    login_requests_per_5_minutes: int = Field(100, ge=LEAST_REQUESTS, le=2_000_000_000)
    """The same for `login_paths` alone, all of them together: passwords are guessed there."""

    login_paths: tuple[Annotated[str, Field(pattern=r"^/[\w/.~-]{1,199}$")], ...] = Field(
        ("/users/login",), max_length=5
    )
    """Beginnings of paths, at most 200 characters each (a quota of AWS WAF); five keep within the base price."""

    @model_validator(mode="after")
    def _log_ins_are_fewer(self) -> "FirewallSettings":
        if self.login_requests_per_5_minutes >= self.requests_per_5_minutes:
            raise ValueError(
                f"login_requests_per_5_minutes {self.login_requests_per_5_minutes} never applies: "
                f"requests_per_5_minutes {self.requests_per_5_minutes} is reached first; choose a lower one"
            )
        return self


class Firewall(pulumi.ComponentResource):
    """A regional AWS WAF web ACL in front of one load balancer, and its log.

    Type token: `marlinspike:firewall:Firewall`. The log has what was refused or counted, without what people log in with; the
    access logs have every request. `settings.mode` must not be `off`.
    """

    def __init__(
        self,
        name: str,
        settings: FirewallSettings,
        load_balancer_arn: Input[str],
        log_retention_days: int,
        key_arn: Input[str],
        account_id: str,
        region: str,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:firewall:Firewall", name, {}, opts)
        child = ResourceOptions(parent=self)
        firewall = aws.wafv2.WebAcl(
            f"{name}-firewall",
            scope="REGIONAL",
            default_action={"allow": {}},
            rules=_rules(settings),
            visibility_config=_visibility(name),
            opts=child,
        )
        aws.wafv2.WebAclAssociation(
            f"{name}-association", resource_arn=load_balancer_arn, web_acl_arn=firewall.arn, opts=child
        )
        logs = aws.cloudwatch.LogGroup(
            f"aws-waf-logs-{name}",  # AWS WAF writes to groups of that beginning only
            retention_in_days=log_retention_days,
            kms_key_id=key_arn,
            opts=child,
        )
        delivery = aws.cloudwatch.LogResourcePolicy(
            f"{name}-log-delivery",
            policy_name=logs.name,
            policy_document=logs.arn.apply(lambda arn: _log_delivery(arn, account_id, region)),
            opts=child,
        )
        aws.wafv2.WebAclLoggingConfiguration(
            f"{name}-logging",
            resource_arn=firewall.arn,
            log_destination_configs=[logs.arn],
            redacted_fields=[{"single_header": {"name": header}} for header in SECRET_HEADERS],
            logging_filter={
                "default_behavior": "DROP",
                "filters": [
                    {
                        "behavior": "KEEP",
                        "requirement": "MEETS_ANY",
                        "conditions": [{"action_condition": {"action": action}} for action in ("BLOCK", "COUNT")],
                    }
                ],
            },
            opts=ResourceOptions(parent=self, depends_on=[delivery]),
        )
        self.register_outputs({})


def _visibility(metric: str) -> aws.wafv2.WebAclRuleVisibilityConfigArgsDict:
    """Metrics, but no samples: they would show the headers that the log leaves out."""
    return {"cloudwatch_metrics_enabled": True, "metric_name": metric, "sampled_requests_enabled": False}


def _rules(settings: FirewallSettings) -> list[aws.wafv2.WebAclRuleArgsDict]:
    blocks = settings.mode == "block"
    limits: dict[str, aws.wafv2.WebAclRuleStatementRateBasedStatementArgsDict] = {}
    if settings.login_paths:
        limits["log-ins"] = {
            **_limit(settings.login_requests_per_5_minutes),
            "scope_down_statement": _begins_with_any(settings.login_paths),
        }
    limits["requests"] = _limit(settings.requests_per_5_minutes)
    found: list[aws.wafv2.WebAclRuleArgsDict] = [
        {
            "name": name,
            "priority": priority,
            "statement": {"rate_based_statement": limit},
            "action": {"block": {"custom_response": {"response_code": 429}}} if blocks else {"count": {}},
            "visibility_config": _visibility(name),
        }
        for priority, (name, limit) in enumerate(limits.items())
    ]
    found += [
        {
            "name": name,
            "priority": 10 + priority,  # after the limits, with room between
            "statement": {
                "managed_rule_group_statement": {
                    "vendor_name": "AWS",
                    "name": name,
                    "rule_action_overrides": [{"name": rule, "action_to_use": {"count": {}}} for rule in only_counting],
                }
            },
            "override_action": {"none": {}} if blocks else {"count": {}},
            "visibility_config": _visibility(name),
        }
        for priority, (name, only_counting) in enumerate(MANAGED_GROUPS.items())
    ]
    return found


def _limit(requests: int) -> aws.wafv2.WebAclRuleStatementRateBasedStatementArgsDict:
    return {"limit": requests, "evaluation_window_sec": WINDOW_SECONDS, "aggregate_key_type": "IP"}


def _begins_with_any(
    paths: Sequence[str],
) -> aws.wafv2.WebAclRuleStatementRateBasedStatementScopeDownStatementArgsDict:
    found: list[aws.wafv2.WebAclRuleStatementRateBasedStatementScopeDownStatementArgsDict] = [
        {
            "byte_match_statement": {
                "field_to_match": {"uri_path": {}},
                "positional_constraint": "STARTS_WITH",
                "search_string": path,
                # Or `/users/%6Cogin` would be another path here and the same one to the application.
                "text_transformations": [
                    {"priority": 0, "type": "URL_DECODE"},
                    {"priority": 1, "type": "NORMALIZE_PATH"},
                ],
            }
        }
        for path in paths
    ]
    return found[0] if len(found) == 1 else {"or_statement": {"statements": found}}


def _log_delivery(log_group_arn: str, account_id: str, region: str) -> str:
    """Lets AWS WAF write ("Sending web ACL traffic logs to a CloudWatch Logs log group"): else it would make this itself."""
    statement = {
        "Sid": "FirewallWritesItsLog",
        "Effect": "Allow",
        "Principal": {"Service": LOG_DELIVERY},
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": f"{log_group_arn}:*",
        "Condition": for_this_account(account_id, region),
    }
    return json.dumps(policy_of(statement))
