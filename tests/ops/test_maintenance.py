"""`maintenance on|off` on a rehearsed stack: what changes, and what does not."""

import pytest
import yaml

from tests.ops.conftest import RehearsedStack

EDGE = "marlinspike-dev-edge"

ON = {
    "create Workload/app-maintenance",
    "create ServiceAccount/app-maintenance-account",
    "create Service/app-maintenance-service",
    "create TargetGroupBinding/app-maintenance-binding",
    "create Deployment/app-maintenance-deployment",
    "create NetworkPolicy/marlinspike-app-maintenance",
    f"create TargetGroup/{EDGE}-targets-maintenance",
    f"create ListenerRule/{EDGE}-holds-targets",
    f"create ListenerRule/{EDGE}-holds-maintenance",
    f"update ListenerRule/{EDGE}-domain",
    "update ResourceQuota/marlinspike-quota",
}


def leads_to(stack: RehearsedStack) -> str:
    """The target group of the domain's requests."""
    [rule] = [inputs for urn, inputs in stack.resources().items() if urn.endswith(f"{EDGE}-domain")]
    groups = {
        entry["outputs"]["arn"]: entry["urn"].rsplit("::", 1)[-1]
        for entry in stack.rehearsal.state()["deployment"]["resources"]
        if entry["type"] == "aws:lb/targetGroup:TargetGroup"
    }
    return groups[rule["actions"][0]["targetGroupArn"]]


def test_the_page_comes_and_goes_and_the_application_s_own_pods_stay(rehearsed_stack: RehearsedStack) -> None:
    before, file = rehearsed_stack.resources(), rehearsed_stack.file.read_text()
    with rehearsed_stack.opened() as opened:
        served = opened.cluster.apps.read_namespaced_deployment("app", "marlinspike")
    dry = rehearsed_stack.document("maintenance", "on", "--dry-run")
    assert {*dry["operations"]} == ON
    assert (rehearsed_stack.resources(), rehearsed_stack.file.read_text()) == (before, file)

    assert rehearsed_stack.document("maintenance", "on", "--retry-after", "1800", "--yes")["done"]
    section = yaml.safe_load(rehearsed_stack.file.read_text())["config"]["marlinspike:app"]
    assert section["maintenance"] == {"retry_after_seconds": 1800}
    assert leads_to(rehearsed_stack) == f"{EDGE}-targets-maintenance"
    found = rehearsed_stack.document("health")
    assert found["well"]
    assert found["deployments"].keys() == {"app", "app-maintenance"}
    assert "app-maintenance answers in the application's place" in " ".join(found["notes"])
    with rehearsed_stack.opened() as opened:
        now = opened.cluster.apps.read_namespaced_deployment("app", "marlinspike")
    assert now.metadata.generation == served.metadata.generation

    assert rehearsed_stack.document("maintenance", "off", "--yes")["done"]
    assert leads_to(rehearsed_stack) == f"{EDGE}-targets"
    assert rehearsed_stack.resources() == before
    assert yaml.safe_load(rehearsed_stack.file.read_text()) == yaml.safe_load(file)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["off", "--yes"], "there is nothing to take away"),
        (["on", "--retry-after", "0", "--yes"], "app.maintenance.retry_after_seconds"),
        (["on"], "nobody confirmed it"),
        (["perhaps", "--yes"], "Invalid value"),
    ],
)
def test_what_cannot_be_is_refused(rehearsed_stack: RehearsedStack, words: list[str], why: str) -> None:
    file = rehearsed_stack.file.read_text()
    answer = rehearsed_stack.run("maintenance", *words)
    assert answer.exit_code != 0
    assert why in answer.output
    assert rehearsed_stack.file.read_text() == file
