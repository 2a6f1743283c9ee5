"""The name under which an edge is found, and whether it gives way to another region."""

import pulumi
import pulumi_aws as aws
from pulumi import Output, ResourceOptions

from infra.edge import Edge

CHECK_INTERVAL_SECONDS = 30
FAILED_CHECKS = 3
"""Together with the 60 s for which an alias record of a load balancer may be cached: away from a lost region after 150 s."""


class PublicName(pulumi.ComponentResource):
    """The DNS record of an edge's domain.

    Type token: `marlinspike:public_name:PublicName`. Where the edge is one of two (`failover`), the record is the first or the
    second choice, with a health check from outside that asks this very load balancer for the pods' readiness. By the domain it
    would ask whichever region has it just now; so it goes by the load balancer's own name, and a listener rule lets that one
    path through. Give a second choice `depends_on` what serves there: before it, the record would lead nowhere. `switched_by`
    is what must have happened before the check asks another version.
    """

    fqdn: Output[str]

    def __init__(
        self,
        name: str,
        edge: Edge,
        depends_on: list[pulumi.Resource] | None = None,
        switched_by: list[pulumi.Resource] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:public_name:PublicName", name, {}, opts)
        fails_over = edge.failover != "none"
        record = aws.route53.Record(
            f"{name}-record",
            zone_id=edge.settings.hosted_zone_id,
            name=edge.settings.domain,
            type="A",
            aliases=[
                {
                    "name": edge.load_balancer_dns_name,
                    "zone_id": edge.load_balancer_zone_id,
                    "evaluate_target_health": True,  # no healthy pod counts as no region
                }
            ],
            set_identifier=edge.failover if fails_over else None,
            failover_routing_policies=[{"type": edge.failover.upper()}] if fails_over else None,
            health_check_id=self._health_check(name, edge, switched_by) if fails_over else None,
            opts=ResourceOptions(parent=self, depends_on=depends_on),
        )
        self.fqdn = record.fqdn
        self.register_outputs({"fqdn": self.fqdn})

    def _health_check(self, name: str, edge: Edge, switched_by: list[pulumi.Resource] | None) -> Output[str]:
        path = edge.backend.readiness_path
        rule = aws.lb.ListenerRule(
            f"{name}-health",
            listener_arn=edge.https_listener_arn,
            priority=20,
            conditions=[
                {"host_header": {"values": [edge.load_balancer_dns_name]}},
                {"path_pattern": {"values": [path]}},
            ],
            actions=[{"type": "forward", "target_group_arn": edge.target_group_arn}],
            opts=ResourceOptions(parent=self, depends_on=switched_by),
        )
        check = aws.route53.HealthCheck(
            f"{name}-health",
            type="HTTPS",  # Route 53 does not look at the certificate, which is the domain's and not this name's
            fqdn=edge.load_balancer_dns_name,
            port=443,
            enable_sni=True,
            resource_path=path,
            request_interval=CHECK_INTERVAL_SECONDS,
            failure_threshold=FAILED_CHECKS,
            tags={"Name": f"{edge.settings.domain} {edge.failover}"},
            # Where the rule comes last, the first check finds nobody for a moment; the name need not wait for that.
            opts=ResourceOptions(parent=self, depends_on=None if switched_by else [rule]),
        )
        return check.id
