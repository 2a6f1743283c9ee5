"""Metadata service of machines, and what is written down of who did what."""

from policy.planned_resource import UNKNOWN, Resource
from policy.rule import GUARDED, Findings, Rule

CONTROL_PLANE_LOGS = {"api", "audit", "authenticator"}


def _metadata_needs_a_token(it: Resource) -> Findings:
    if it["metadataOptions.httpEndpoint"] == "disabled":
        return
    tokens, hops = it["metadataOptions.httpTokens"], it["metadataOptions.httpPutResponseHopLimit"]
    if tokens not in ("required", UNKNOWN):
        yield f"metadataOptions.httpTokens is {tokens or 'left out'}: IMDSv1 answers."
    if hops not in (1, UNKNOWN):
        yield f"metadataOptions.httpPutResponseHopLimit is {hops or 'left out'}: pods reach the node's credentials."


def _logs_end(it: Resource) -> Findings:
    if it.lacks("retentionInDays") or it["retentionInDays"] == 0:
        yield "retentionInDays is left out: they are kept, and paid for, for ever."


def _cluster_writes_down(it: Resource) -> Findings:
    kinds = it["enabledClusterLogTypes"]
    missing = CONTROL_PLANE_LOGS - set(kinds or ()) if kinds is not UNKNOWN else set()
    if missing:
        yield f"enabledClusterLogTypes lacks {', '.join(sorted(missing))}."


def _balancer_writes_down(it: Resource) -> Findings:
    if it.is_guarded and it["loadBalancerType"] != "gateway" and it.is_off("accessLogs.enabled"):
        yield "accessLogs.enabled is not true."


RULES = (
    Rule(
        name="metadata-needs-a-token",
        says="Machines answer for their credentials with IMDSv2 only, and pods not at all.",
        why="A request that an application is tricked into would else return the node's credentials.",
        fix="Set metadata_options: http_tokens required, http_put_response_hop_limit 1.",
        types=("aws:ec2/launchTemplate:LaunchTemplate", "aws:ec2/instance:Instance"),
        check=_metadata_needs_a_token,
    ),
    Rule(
        name="logs-end",
        says="Log groups have a retention.",
        why="Logs without an end cost more every month, and hold personal data longer than anybody may.",
        fix="Set retention_in_days.",
        types=("aws:cloudwatch/logGroup:LogGroup",),
        check=_logs_end,
    ),
    Rule(
        name="cluster-writes-down",
        says="The control plane's audit log is kept.",
        why="Without it nobody can tell who did what.",
        fix="Set enabled_cluster_log_types to at least api, audit and authenticator.",
        types=("aws:eks/cluster:Cluster",),
        check=_cluster_writes_down,
    ),
    Rule(
        name="balancer-writes-down",
        says="Load balancers of guarded stacks keep their access logs.",
        why="After an attack they tell what was asked, and by whom.",
        fix="Set access_log_retention_days of section edge in the stack file.",
        types=("aws:lb/loadBalancer:LoadBalancer",),
        config=GUARDED,
        check=_balancer_writes_down,
    ),
)
