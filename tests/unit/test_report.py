"""The sections of the report, and the page that they make."""

import json
import re
from pathlib import Path

import pytest

from rehearsal import timeline
from rehearsal.events import Events
from rehearsal.progress import Lines, Standing
from rehearsal.report import page as report_page
from rehearsal.report.cluster import Cluster, quantity
from rehearsal.report.graph import Graph, Resource
from rehearsal.report.material import left_in
from rehearsal.report.sections import components, drills, matrix, opinions, pods, price
from rehearsal.report.sections import timeline as times
from tests.unit.plan import STACKS
from tests.unit.rehearsed import LEFT, cluster, graph, material, pod

PLANTED = "Pl4nted-Passw0rd"


def event(kind: str, urn: str, second: int, operation: str = "create") -> dict[str, object]:
    metadata = {"op": operation, "urn": urn, "type": urn.split("::")[2].rsplit("$", 1)[-1]}
    return {"timestamp": 1000 + second, kind: {"metadata": metadata}}


STACK_URN = "urn:pulumi:dev::marlinspike::pulumi:pulumi:Stack::marlinspike-dev"
DATABASE = (
    "urn:pulumi:dev::marlinspike::marlinspike:database:Database$aws:rds/instance:Instance::marlinspike-dev-database"
)
CACHE = "urn:pulumi:dev::marlinspike::marlinspike:cache:Cache$aws:elasticache/user:User::marlinspike-dev-user"


@pytest.mark.parametrize("stack", STACKS)
def test_the_page_of_every_stack_has_all_its_sections_and_asks_nobody(stack: str) -> None:
    text = report_page.page(material(stack, left=LEFT))
    for anchor, _ in report_page.CONTENTS:
        assert text.count(f'id="{anchor}"') == 1
    assert not re.search(r"<script|@import|<img|<iframe|url\((?!#)", text)
    assert set(re.findall(r'(?:href|src)="(\w+:[^"]*)"', text)) <= {"data:,", "https://github.com/mattfenwick/cyclonus"}


def test_what_was_not_done_says_how_to_get_it() -> None:
    text = report_page.page(material(times={}, cluster=Cluster()))
    for command in ("make rehearse STACK=prod DRILLS=1", "make judge STACK=prod", "make cost STACK=prod"):
        assert command in text
    assert "No cluster answers now" in text


def test_a_hostile_name_is_text_and_no_markup() -> None:
    found = graph("dev")
    name = "<script>alert(1)</script>"
    urn = f"urn:pulumi:dev::marlinspike::marlinspike:storage:Storage$aws:s3/bucket:Bucket::{name}"
    more = Resource(urn, "aws:s3/bucket:Bucket", "x", "", True, {}, {})
    hostile = pod(name, name, "node-eu-west-3a")
    shown = material("dev", graph=Graph([*found.resources, more]), cluster=Cluster("", cluster().nodes, [hostile]))
    text = report_page.page(shown)
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_no_value_of_a_secret_reaches_the_page() -> None:
    found = graph("prod")
    planted = [
        Resource(
            r.urn, r.type, r.id, r.parent, r.custom, {**r.inputs, "password": PLANTED}, {**r.outputs, "secret": PLANTED}
        )
        for r in found.resources
    ]
    assert PLANTED not in report_page.page(material(graph=Graph(planted), left=LEFT))


def test_components_are_counted_once_and_by_layer() -> None:
    found = components.components(material())
    wanted = [r for r in graph("prod").resources if not r.type.startswith(("marlinspike:", "pulumi:pulumi"))]
    assert sum(each.count for each in found) == len(wanted) == sum(components.by_layer(found).values())
    network = next(each for each in found if each.title == "network")
    assert dict(network.types)["NatGateway"] == [f"marlinspike-prod-nat-{letter}" for letter in "abc"]


def test_the_event_log_tells_when_resources_were_begun_and_done(tmp_path: Path) -> None:
    first = Events([event("resourcePreEvent", STACK_URN, 0), event("resourcePreEvent", DATABASE, 2)])
    done = [event("resOutputsEvent", DATABASE, 9), event("resOutputsEvent", STACK_URN, 10)]
    timeline.record(Events([*first.all, *done]), tmp_path)
    assert timeline.read(tmp_path)[DATABASE] == (2, 9)
    # A second try adds what it makes behind the first; what stays the same is no news.
    second = [
        event("resourcePreEvent", CACHE, 0),
        event("resOutputsEvent", CACHE, 3),
        event("resourcePreEvent", DATABASE, 4, "same"),
    ]
    timeline.record(Events(second), tmp_path)
    assert timeline.read(tmp_path)[CACHE] == (10, 13)
    assert timeline.read(tmp_path)[DATABASE] == (2, 9)
    # The stack is made anew: what was before is forgotten.
    timeline.record(Events([event("resourcePreEvent", STACK_URN, 0), event("resOutputsEvent", STACK_URN, 1)]), tmp_path)
    assert timeline.read(tmp_path).keys() == {STACK_URN}


def test_the_measured_chart_shows_layers_and_what_took_longest() -> None:
    chart = times.measured(material("dev", times={DATABASE: (1, 9), CACHE: (2, 3)}))
    assert chart is not None
    assert chart.rows == [("data, all 2", "from 1 s to 9 s"), ("Instance database", "from 1 s to 9 s")]
    assert times.measured(material(times={})) is None


def test_the_chart_for_aws_is_the_critical_path_and_its_short_links_are_added_up() -> None:
    cluster_urn, role = "urn:pulumi:s::p::aws:eks/cluster:Cluster::c", "urn:pulumi:s::p::aws:iam/role:Role::r"
    records = [
        {"urn": role, "type": "aws:iam/role:Role", "parent": ""},
        {"urn": cluster_urn, "type": "aws:eks/cluster:Cluster", "parent": "", "dependencies": [role]},
        {"urn": "urn:pulumi:s::p::k:v1:A::a", "type": "k:v1:A", "parent": "", "dependencies": [cluster_urn]},
        {
            "urn": "urn:pulumi:s::p::k:v1:B::b",
            "type": "k:v1:B",
            "parent": "",
            "dependencies": ["urn:pulumi:s::p::k:v1:A::a"],
        },
    ]
    chart = times.computed(material(resources=records))
    assert chart is not None
    assert [label for label, _ in chart.rows] == ["Role r", "Cluster c", "2 short steps"]
    assert chart.rows[1][1] == "600 s, ready after 10.2 min"
    assert times.computed(material("local")) is None


def test_pods_stand_on_their_nodes_and_those_without_one_say_why() -> None:
    waiting = pod("app", "app-4", "")
    shown = material(cluster=Cluster("", cluster().nodes, [*cluster().pods, waiting]))
    zones = pods.zones(shown)
    assert list(zones) == ["eu-west-3a", "eu-west-3b", "eu-west-3c"]
    [card] = zones["eu-west-3a"]
    assert [each["owner"] for each in card.pods] == ["app"]
    assert [each["owner"] for each in card.finished] == ["database-migrate"]
    assert round(card.cpu_share) == 13
    assert pods.homeless(shown) == [waiting]
    assert "3 Insufficient cpu" in report_page.page(shown)


@pytest.mark.parametrize(("text", "number"), [("500m", 0.5), ("2", 2), ("256Mi", 256 * 2**20), ("1k", 1000), ("", 0)])
def test_quantities_are_numbers(text: str, number: float) -> None:
    assert quantity(text) == number


def test_the_matrix_is_cyclonus_own_where_it_was_asked() -> None:
    own = matrix.matrix(material())
    assert own is not None
    assert not own.judged
    assert own.cells["app", "data subnets"] == "5432, 6379"
    assert own.cells["public subnets", "app"] == "5000"
    assert own.cells["database-bootstrap", "control-plane subnets"] == "443"
    said = [
        {"from": "prometheus", "to": "app", "ports": ["8080/TCP"]},
        {"from": "app", "to": "kube-dns", "ports": ["53/UDP"]},
    ]
    judged = matrix.matrix(material(left={"network-policies": said}))
    assert judged is not None
    assert judged.judged
    assert judged.cells == {("prometheus", "app"): "8080", ("app", "kube-dns"): "53 UDP"}
    # Who may call nobody shares one row.
    assert judged.rows[-1] == "database-bootstrap" or "kube-dns" in judged.rows[-1]


def test_the_price_is_told_with_its_doubts() -> None:
    found = price.price(material(left=LEFT))
    assert found is not None
    assert (found.total, found.limit) == (30, 50)
    assert round(found.unchecked) == 67
    assert [part.component for part in found.parts] == ["nodes", "network"]
    assert price.price(material()) is None


def test_what_judges_and_policies_found_is_shown_and_skips_are_counted() -> None:
    [verdict] = opinions.judges(material(left=LEFT))
    assert verdict.failed == ["CKV_1 aws_x.y: Ensure it is so"]
    assert verdict.skipped == [("CKV_2", "Nobody waits for it.", 2)]
    text = report_page.page(material(left=LEFT))
    assert "no-public-bucket, files: it is public" in text
    assert "13 checks of 2 rules passed" in text
    assert "1 refused" in text


def test_drills_are_told_in_words_too() -> None:
    found = drills.plots(material(left=LEFT))
    assert found["autoscaling"].words == "From 3 pods to 6 under load and back to 3, in 44 s; never fewer than 3 ready."
    assert found["zone"].words == "eu-west-3c is lost; 4 of 6 pods stay ready, and all are again after 2.5 s."


def test_what_is_cut_off_is_as_good_as_not_left(tmp_path: Path) -> None:
    (tmp_path / "cost.json").write_text('{"usd_a_')
    (tmp_path / "policy.json").write_text('{"pack": "x"}')
    assert left_in(tmp_path) == {"policy": {"pack": "x"}}


def test_progress_is_counted_by_layer_from_a_log_that_grows(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    standing = Standing(log)
    standing.look()
    lines = [json.dumps(event("resourcePreEvent", urn, 0)) for urn in (STACK_URN, DATABASE, CACHE)]
    log.write_text("\n".join(lines) + "\n" + json.dumps(event("resOutputsEvent", CACHE, 1))[:20])
    standing.look()
    assert standing.layers() == {"data": (0, 2)}
    assert standing.waiting == ["Instance marlinspike-dev-database", "User marlinspike-dev-user"]
    log.write_text("\n".join([*lines, json.dumps(event("resOutputsEvent", CACHE, 1))]) + "\n")
    standing.look()
    assert standing.layers() == {"data": (1, 2)}
    assert standing.waiting == ["Instance marlinspike-dev-database"]


def test_a_log_is_told_a_line_now_and_then_and_nothing_without_news(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("rehearsal.progress.time.monotonic", lambda: clock[0])
    said: list[str] = []
    log = tmp_path / "events.jsonl"
    log.write_text(json.dumps(event("resourcePreEvent", DATABASE, 0)) + "\n")
    with Lines(log, "up", said.append) as lines:
        for clock[0] in (1.0, 11.0, 25.0, 80.0):
            lines.look()
    line = "0 of 1 resources done; under way: Instance marlinspike-dev-database"
    assert said == [f"  up, 11 s: {line}", f"  up, 80 s: {line}"]
