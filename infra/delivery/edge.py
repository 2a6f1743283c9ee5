"""What a deploy role may do to what faces the world, and to what watches over the environment."""

from infra.delivery.scope import Scope
from infra.identity import Permission, zone_arns

OPAQUE = {
    # service: what makes, what tags, what manages, and the kinds of resource
    "acm": (
        ["RequestCertificate"],
        ["AddTagsToCertificate"],
        ["DeleteCertificate", "RemoveTagsFromCertificate", "UpdateCertificateOptions"],
        ["certificate/*"],
    ),
    "cloudfront": (
        ["CreateDistribution"],
        ["TagResource"],
        ["DeleteDistribution", "UntagResource", "UpdateDistribution"],
        ["distribution/*"],
    ),
    "elasticloadbalancing": (
        ["CreateListener", "CreateLoadBalancer", "CreateRule", "CreateTargetGroup"],
        ["AddTags"],
        [
            "CreateListener",
            "CreateRule",
            "DeleteListener",
            "DeleteLoadBalancer",
            "DeleteRule",
            "DeleteTargetGroup",
            "ModifyListener",
            "ModifyLoadBalancerAttributes",
            "ModifyRule",
            "ModifyTargetGroup",
            "ModifyTargetGroupAttributes",
            "RemoveTags",
            "SetSecurityGroups",
            "SetSubnets",
            "SetWebACL",
        ],
        ["listener/*", "listener-rule/*", "loadbalancer/*", "targetgroup/*"],
    ),
}
"""Services whose ARNs are numbers, or names that end before the environment's is whole: tags bind."""


def edge(scope: Scope) -> dict[str, Permission]:
    """Certificates, load balancers, the CDN, web access control lists and DNS records."""
    permissions: dict[str, Permission] = {}
    for service, (make, tag, manage, kinds) in OPAQUE.items():
        arns = scope.arns(service, *kinds, region="" if service == "cloudfront" else "*")
        title = service.title()
        permissions[f"{title}Make"] = Permission([f"{service}:{action}" for action in make], arns, scope.created)
        permissions[f"{title}Tag"] = Permission([f"{service}:{action}" for action in tag], arns, scope.claimed)
        permissions[f"{title}Manage"] = Permission(
            [f"{service}:{action}" for action in (*manage, *tag)], arns, scope.owned
        )
    permissions["OriginAccess"] = Permission(  # knows no tags
        [f"cloudfront:{verb}OriginAccessControl" for verb in ("Create", "Delete", "Update")],
        scope.arns("cloudfront", "origin-access-control/*", region=""),
    )
    lists = ("regional/webacl/{name}-*/*", "regional/ipset/{name}-*/*", "regional/managedruleset/*/*")
    wide = tuple(kind.replace("regional", "global") for kind in lists)
    permissions["WebAcls"] = Permission(
        [
            "wafv2:AssociateWebACL",
            "wafv2:CreateIPSet",
            "wafv2:CreateWebACL",
            "wafv2:DeleteIPSet",
            "wafv2:DeleteLoggingConfiguration",
            "wafv2:DeleteWebACL",
            "wafv2:DisassociateWebACL",
            "wafv2:PutLoggingConfiguration",
            "wafv2:TagResource",
            "wafv2:UntagResource",
            "wafv2:UpdateIPSet",
            "wafv2:UpdateWebACL",
        ],
        scope.arns("wafv2", *lists, *wide),
    )
    permissions["HealthChecks"] = Permission(  # numbers without tag conditions
        [
            "route53:ChangeTagsForResource",
            "route53:CreateHealthCheck",
            "route53:DeleteHealthCheck",
            "route53:UpdateHealthCheck",
        ],
        ["arn:aws:route53:::healthcheck/*"],
    )
    if scope.zone_ids:
        permissions["Records"] = Permission(["route53:ChangeResourceRecordSets"], zone_arns(scope.zone_ids))
    return permissions


def watch(scope: Scope) -> dict[str, Permission]:
    """Alarms, dashboards, topics, rules and the budget: all by name."""
    return {
        "Alarms": Permission(
            [
                "cloudwatch:DeleteAlarms",
                "cloudwatch:PutCompositeAlarm",
                "cloudwatch:PutMetricAlarm",
                "cloudwatch:TagResource",
                "cloudwatch:UntagResource",
            ],
            scope.arns("cloudwatch", "alarm:{name}-*"),
        ),
        "Dashboards": Permission(
            ["cloudwatch:DeleteDashboards", "cloudwatch:PutDashboard"],
            scope.arns("cloudwatch", "dashboard/{name}-*", region=""),
        ),
        "Topics": Permission(
            [
                "sns:CreateTopic",
                "sns:DeleteTopic",
                "sns:SetSubscriptionAttributes",
                "sns:SetTopicAttributes",
                "sns:Subscribe",
                "sns:TagResource",
                "sns:Unsubscribe",
                "sns:UntagResource",
            ],
            scope.arns("sns", "{name}-*"),
        ),
        "EventRules": Permission(
            [
                "events:DeleteRule",
                "events:PutRule",
                "events:PutTargets",
                "events:RemoveTargets",
                "events:TagResource",
                "events:UntagResource",
            ],
            scope.arns("events", "rule/{name}-*"),
        ),
        "Budget": Permission(
            ["budgets:ModifyBudget", "budgets:TagResource", "budgets:UntagResource"],
            scope.arns("budgets", "budget/{name}-*", region=""),
        ),
    }
