"""The picture of the architecture says what the rules say: who talks to whom, where things lie, and all of it legibly."""

import re
from collections.abc import Mapping
from dataclasses import replace
from html import unescape
from itertools import combinations, pairwise
from typing import Any

import pytest

from judges.network_policies import PORTS, peers
from rehearsal.layers import OTHER, is_known, layer_of
from rehearsal.report import svg
from rehearsal.report.architecture.drawing import drawn
from rehearsal.report.architecture.layout import layout
from rehearsal.report.architecture.picture import picture
from rehearsal.report.architecture.traffic import arrows
from rehearsal.report.colours import GROUND, LAYER_COLOURS
from rehearsal.report.graph import Graph
from rehearsal.report.policies import Peer, matches, open_ports
from tests.judges.test_network_policies import differences, intended, networks, objects
from tests.unit.plan import PROJECT_FOLDER, STACKS, planned
from tests.unit.rehearsed import cluster, graph

EVERYWHERE_ON_AWS = {
    "people -> balancer: 443, 80",
    "balancer -> pods/app: 5000",
    "pods/app -> database: 5432",
    "pods/app -> cache: 6379",
    "pods/database-migrate -> database: 5432",
    "pods/database-bootstrap -> database: 5432",
}
WATCHED = {
    "chart/monitoring -> pods/app: 8080",
    "control-plane -> chart/monitoring: 10250",
    "pods/app -> chart/tracing: 4318",
}
EXPORTED = {
    "pods/database-dump -> database: 5432",
    "pods/database-dump -> nat: 443",
    "pods/database-restore -> database: 5432",
    "pods/database-restore -> nat: 443",
    "pods/objects-export -> nat: 443",
}
"""The daily copies: to S3 by the gateway, which no rule tells from the internet."""

WANTED = {
    "dev": EVERYWHERE_ON_AWS | {"pods/database-bootstrap -> nat: 443"},
    "staging": EVERYWHERE_ON_AWS | WATCHED | EXPORTED | {"pods/database-bootstrap -> nat: 443"},
    "prod": EVERYWHERE_ON_AWS
    | WATCHED
    | EXPORTED
    | {
        "pods/database-bootstrap -> endpoints: 443",
        "pods/database-restore -> endpoints: 443",  # reads the master's secret
        "pods/objects-export -> endpoints: 443",  # asks the API server, beside the endpoints
    },
    "local": {
        "people -> pods/app: 5000",
        "pods/app -> pods/postgresql: 5432",
        "pods/app -> pods/valkey: 6379",
        "pods/database-migrate -> pods/postgresql: 5432",
    },
}
"""By hand, not from the program's own description."""


def drawn_arrows(found: Graph) -> set[str]:
    return {f"{arrow.source} -> {arrow.to}: {arrow.ports}" for arrow in arrows(found)}


@pytest.mark.parametrize("stack", STACKS)
def test_the_arrows_are_exactly_those_that_the_rules_let_through(stack: str) -> None:
    assert drawn_arrows(graph(stack)) == WANTED[stack]


@pytest.mark.parametrize(
    ("gone", "arrow"),
    [
        ("marlinspike-prod-database-from-cluster", "pods/app -> database: 5432"),
        ("marlinspike-prod-cache-from-cluster", "pods/app -> cache: 6379"),
        ("marlinspike-prod-edge-into-pods", "balancer -> pods/app: 5000"),
        ("marlinspike-prod-edge-from-world-https", "people -> balancer: 443, 80"),
        ("marlinspike-prod-endpoints-from-vpc", "pods/database-bootstrap -> endpoints: 443"),
    ],
)
def test_without_its_security_group_rule_an_arrow_is_gone(gone: str, arrow: str) -> None:
    found = graph("prod")
    assert arrow in drawn_arrows(found)
    left = Graph([each for each in found.resources if each.name != gone])
    assert len(left.resources) < len(found.resources)
    assert arrow not in drawn_arrows(left)


def test_what_a_network_policy_does_not_name_is_not_drawn_although_the_security_group_admits_it() -> None:
    found = graph("prod")
    changed = []
    for each in found.resources:
        if each.type.endswith(":NetworkPolicy") and each.name == "marlinspike-app":
            spec = each.inputs["spec"]
            egress = [rule for rule in spec["egress"] if all(port["port"] != 6379 for port in rule["ports"])]
            changed.append(replace(each, inputs={**each.inputs, "spec": {**spec, "egress": egress}}))
        else:
            changed.append(each)
    assert drawn_arrows(found) - drawn_arrows(Graph(changed)) == {"pods/app -> cache: 6379"}


@pytest.mark.parametrize("stack", STACKS)
def test_policies_are_read_as_the_table_that_cyclonus_is_held_against(stack: str) -> None:
    plan = planned(stack)
    found = objects(plan)
    everybody = [
        Peer(each.name, each.address, each.namespace, each.labels, each.namespace_labels)
        for each in peers(found, networks(stack, plan))
    ]
    policies = [each for each in found if each.get("kind") == "NetworkPolicy"]
    verdicts = {
        (source.name, to.name): frozenset(f"{number}/{protocol}" for number, protocol in ports)
        for source in everybody
        for to in everybody
        if source != to and (source.namespace or to.namespace) and (ports := open_ports(policies, source, to, PORTS))
    }
    assert differences(verdicts, intended(stack)) == []


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ({}, True),
        ({"matchLabels": {"a": "1"}}, True),
        ({"matchLabels": {"a": "2"}}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}, True),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, False),
        ({"matchExpressions": [{"key": "b", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "b", "operator": "DoesNotExist"}]}, True),
    ],
)
def test_a_selector_selects_as_kubernetes_says(selector: Mapping[str, Any], selected: bool) -> None:
    assert matches(selector, {"a": "1"}) is selected


@pytest.mark.parametrize("stack", STACKS)
def test_every_resource_that_a_component_makes_has_a_layer(stack: str) -> None:
    found = graph(stack).resources
    assert {each.type for each in found if each.type.startswith("marlinspike:") and not is_known(each.type)} <= {
        "marlinspike:log_bucket:LogBucket"  # always inside of another
    }
    assert {each.type for each in found if ":providers:" not in each.type and layer_of(each.urn) == OTHER} <= {
        "pulumi:pulumi:Stack"
    }


@pytest.mark.parametrize("stack", STACKS)
def test_boxes_lie_beside_each_other_and_ports_can_be_told_apart(stack: str) -> None:
    found = layout(picture(stack, graph(stack), cluster()))
    places = list(found.places.values())
    for one, other in combinations(places, 2):
        apart = (
            one.x + one.w <= other.x
            or other.x + other.w <= one.x
            or one.y + one.h <= other.y
            or other.y + other.h <= one.y
        )
        assert apart, (one.box.key, other.box.key)
    labels = [route.label for route in found.routes if route.label]
    for (x, y), (x2, y2) in combinations(labels, 2):
        assert abs(y - y2) >= 11 or abs(x - x2) > 60
    for place in places:
        for x, y, width, _ in place.chips:
            assert place.x + 5 < x
            assert x + width <= place.x + place.w
            assert y + 17 <= place.y + place.h


@pytest.mark.parametrize("stack", STACKS)
def test_lines_keep_to_the_channels_and_end_at_the_box_that_is_called(stack: str) -> None:
    found = layout(picture(stack, graph(stack), cluster()))
    inner = [place for place in found.places.values() if place.y > found.frame[1]]
    for route in found.routes:
        to = found.places[route.arrow.to]
        x, y = route.points[-1]
        assert x in (to.x, to.x + to.w)
        assert to.y <= y <= to.y + to.h
        for (x1, y1), (x2, _) in pairwise(route.points):
            if x1 == x2:  # a vertical one: beside every box
                assert all(x1 < place.x or x1 > place.x + place.w for place in inner), route.arrow
            assert found.frame[0] < x1 < found.frame[0] + found.frame[2] or route.arrow.source == "people", y1


def test_a_column_shows_each_pod_in_its_zone() -> None:
    boxes = picture("prod", graph("prod"), cluster()).boxes
    assert boxes["pods/app"].chips == {f"eu-west-3{letter}": ["pod"] for letter in "abc"}
    assert boxes["pods/database-migrate"].chips == {"eu-west-3a": ["done"]}
    assert sorted(boxes["nat"].chips) == ["eu-west-3a", "eu-west-3b", "eu-west-3c"]


def test_what_runs_by_the_clock_is_a_box_and_calls_too() -> None:
    found = graph("prod")
    job = next(each for each in found.resources if each.type.endswith(":Job") and each.name == "database-migrate")
    inputs = {"metadata": job.inputs["metadata"], "spec": {"jobTemplate": {"spec": job.inputs["spec"]}}}
    changed = [r for r in found.resources if r != job] + [
        replace(job, type="kubernetes:batch/v1:CronJob", inputs=inputs)
    ]
    drawing = picture("prod", Graph(changed), cluster())
    assert drawing.boxes["pods/database-migrate"].detail == "CronJob"
    assert drawn_arrows(Graph(changed)) == WANTED["prod"]


def test_the_second_region_has_a_card_of_its_own() -> None:
    cards = {card.title: card.lines for card in picture("prod", graph("prod"), cluster()).cards}
    assert "1 backup vault" in cards["In eu-central-1"]
    assert not [title for title in picture("dev", graph("dev"), cluster()).cards if title.title.startswith("In ")]


def test_the_picture_has_a_title_a_description_and_the_same_text_each_time() -> None:
    one, two = (drawn(picture("prod", graph("prod"), cluster())) for _ in range(2))
    assert one == two
    assert 'role="img"' in one
    assert "app calls PostgreSQL 18 on 5432" in one
    assert "http" not in one.replace("http://www.w3.org/2000/svg", "")


def test_readmes_picture_says_what_the_program_does_today() -> None:
    committed = (PROJECT_FOLDER / "docs" / "architecture.svg").read_text()
    [said] = re.findall(r"<desc[^>]*>(.*?)</desc>", committed)
    assert unescape(said) == picture("prod", graph("prod"), cluster()).description, "make screenshot draws it anew"


def test_text_that_does_not_fit_is_cut_where_it_ends() -> None:
    assert svg.fitted("short", 100, 12) == "short"
    cut = svg.fitted("a text that is much too long for its box", 100, 12)
    assert cut.endswith("\N{HORIZONTAL ELLIPSIS}")
    assert svg.width(cut, 12) <= 100


def luminance(colour: str) -> float:
    """As WCAG 2.2 defines it."""
    parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", [*LAYER_COLOURS, "ink", "quiet", "good", "bad"])
def test_every_colour_that_carries_meaning_stands_out_from_its_ground(name: str, dark: bool) -> None:
    colour = luminance({**LAYER_COLOURS, **GROUND}[name][dark])
    for ground in ("paper", "panel"):
        lighter, darker = sorted((colour, luminance(GROUND[ground][dark])), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, ground
