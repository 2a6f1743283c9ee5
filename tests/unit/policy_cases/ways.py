"""Networks, transport, machines and what is written down."""

import json

from tests.unit.policies import UNKNOWN, Case, Planned

INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
DEFAULT_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
NODES = "aws:ec2/launchTemplate:LaunchTemplate"
CLUSTER = "aws:eks/cluster:Cluster"
SERVICE = "kubernetes:core/v1:Service"
LISTENER = "aws:lb/listener:Listener"
PARAMETERS = "aws:rds/parameterGroup:ParameterGroup"
REPLICATION_GROUP = "aws:elasticache/replicationGroup:ReplicationGroup"
DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"

WORLD = "0.0.0.0/0"
TOKENS = {"httpTokens": "required", "httpPutResponseHopLimit": 1}
TO_HTTPS = {"type": "redirect", "redirect": {"protocol": "HTTPS"}}


def opening(first: object, last: object, source: str = WORLD, protocol: str = "tcp") -> Planned:
    return Planned(INGRESS_RULE, {"cidrIpv4": source, "ipProtocol": protocol, "fromPort": first, "toPort": last})


def inline(port: int) -> Planned:
    rule = {"protocol": "tcp", "fromPort": port, "toPort": port, "ipv6CidrBlocks": ["::/0"]}
    return Planned(GROUP, {"ingress": [rule]})


def listener(**props: object) -> Planned:
    return Planned(LISTENER, props)


def parameters(family: str, **values: str) -> Planned:
    return Planned(
        PARAMETERS,
        {
            "family": family,
            "parameters": [{"name": name.replace("__", "."), "value": value} for name, value in values.items()],
        },
    )


def bucket_policy(effect: str) -> str:
    return json.dumps({"Statement": [{"Effect": effect, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]})


CASES = {
    "world-reaches-web-ports-only": Case(
        good=[
            opening(443, 443),
            opening(5432, 5432, "10.0.0.0/16"),
            inline(443),
            Planned(GROUP),
            opening(UNKNOWN, UNKNOWN),
        ],
        bad=[
            (opening(5432, 5432), "ports 5432 to 5432"),
            (opening(80, 443), "ports 80 to 443"),
            (opening(None, None, protocol="-1"), "every port"),
            (inline(22), "ports 22 to 22"),
        ],
    ),
    "no-default-network": Case(
        good=[Planned(DEFAULT_GROUP, {"ingress": [], "egress": []})],
        bad=[
            (Planned("aws:ec2/defaultVpc:DefaultVpc"), "takes over"),
            (Planned("aws:ec2/defaultSubnet:DefaultSubnet"), "takes over"),
            (Planned(DEFAULT_GROUP, {"egress": [{"protocol": "-1"}]}), "lets something through"),
        ],
    ),
    "no-public-addresses": Case(
        good=[Planned("aws:ec2/subnet:Subnet", {"mapPublicIpOnLaunch": False}), Planned(NODES)],
        bad=[
            (Planned("aws:ec2/subnet:Subnet", {"mapPublicIpOnLaunch": True}), "mapPublicIpOnLaunch"),
            (Planned(NODES, {"networkInterfaces": [{"associatePublicIpAddress": "true"}]}), "network interface"),
        ],
    ),
    "cluster-api-is-not-for-all": Case(
        good=[
            Planned(CLUSTER, {"vpcConfig": {"endpointPublicAccess": False}}),
            Planned(CLUSTER, {"vpcConfig": {"endpointPublicAccess": True, "publicAccessCidrs": ["203.0.113.0/24"]}}),
        ],
        bad=[
            (Planned(CLUSTER, {"vpcConfig": {"endpointPublicAccess": True}}), "whole internet"),
            (Planned(CLUSTER, {"vpcConfig": {"publicAccessCidrs": [WORLD]}}), "whole internet"),
        ],
    ),
    "no-public-service": Case(
        good=[
            Planned(SERVICE, {"spec": {"type": "ClusterIP"}}),
            Planned(
                SERVICE,
                {
                    "spec": {"type": "LoadBalancer"},
                    "metadata": {"annotations": {"service.beta.kubernetes.io/aws-load-balancer-scheme": "internal"}},
                },
            ),
        ],
        bad=[
            (Planned(SERVICE, {"spec": {"type": "LoadBalancer"}}), "LoadBalancer"),
            (Planned(SERVICE, {"spec": {"type": "NodePort"}}), "every node"),
        ],
    ),
    "listeners-use-tls": Case(
        good=[
            listener(protocol="HTTPS", sslPolicy="ELBSecurityPolicy-TLS13-1-2-Res-2021-06"),
            listener(protocol="HTTP", defaultActions=[TO_HTTPS]),
        ],
        bad=[
            (listener(protocol="HTTPS"), "sslPolicy is left out"),
            (listener(protocol="TLS", sslPolicy="ELBSecurityPolicy-2016-08"), "older versions"),
            (listener(protocol="HTTP", defaultActions=[{"type": "forward"}]), "something else than a redirect"),
        ],
    ),
    "database-demands-tls": Case(
        good=[parameters("postgres18", rds__force_ssl="1"), parameters("mysql8.4")],
        bad=[
            (parameters("postgres18"), "left out"),
            (parameters("postgres18", rds__force_ssl="0"), "rds.force_ssl is 0"),
        ],
    ),
    "cache-demands-tls": Case(
        good=[Planned(REPLICATION_GROUP, {"transitEncryptionEnabled": True, "transitEncryptionMode": "required"})],
        bad=[
            (Planned(REPLICATION_GROUP), "transitEncryptionEnabled"),
            (
                Planned(REPLICATION_GROUP, {"transitEncryptionEnabled": True, "transitEncryptionMode": "preferred"}),
                "without TLS are served",
            ),
        ],
    ),
    "content-delivery-uses-tls": Case(
        good=[Planned(DISTRIBUTION, {"defaultCacheBehavior": {"viewerProtocolPolicy": "redirect-to-https"}})],
        bad=[
            (Planned(DISTRIBUTION, {"defaultCacheBehavior": {"viewerProtocolPolicy": "allow-all"}}), "allow-all"),
            (Planned(DISTRIBUTION, {"viewerCertificate": {"minimumProtocolVersion": "TLSv1"}}), "TLSv1"),
        ],
    ),
    "bucket-demands-tls": Case(
        good=[Planned(BUCKET_POLICY, {"policy": bucket_policy("Deny")}), Planned(BUCKET_POLICY, {"policy": UNKNOWN})],
        bad=[(Planned(BUCKET_POLICY, {"policy": bucket_policy("Allow")}), "SecureTransport")],
    ),
    "ingress-uses-tls": Case(
        good=[Planned(INGRESS, {"spec": {"tls": [{"hosts": ["app.example.com"]}]}})],
        bad=[(Planned(INGRESS, {"spec": {}}), "plain HTTP")],
    ),
    "metadata-needs-a-token": Case(
        good=[
            Planned(NODES, {"metadataOptions": TOKENS}),
            Planned(NODES, {"metadataOptions": {"httpEndpoint": "disabled"}}),
        ],
        bad=[
            (Planned(NODES), "IMDSv1 answers"),
            (Planned(NODES, {"metadataOptions": {**TOKENS, "httpPutResponseHopLimit": 2}}), "pods reach"),
        ],
    ),
    "logs-end": Case(
        good=[Planned("aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": 30})],
        bad=[(Planned("aws:cloudwatch/logGroup:LogGroup"), "for ever")],
    ),
    "cluster-writes-down": Case(
        good=[Planned(CLUSTER, {"enabledClusterLogTypes": ["api", "audit", "authenticator", "scheduler"]})],
        bad=[(Planned(CLUSTER, {"enabledClusterLogTypes": ["api"]}), "lacks audit, authenticator")],
    ),
    "balancer-writes-down": Case(
        good=[Planned(BALANCER), Planned(BALANCER, {"accessLogs": {"enabled": True}}, stack="prod")],
        bad=[(Planned(BALANCER, stack="prod"), "accessLogs.enabled")],
    ),
}
