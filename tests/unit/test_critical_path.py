"""How long a first `up` takes on AWS, computed from the plan."""

import pytest

from rehearsal.critical_path import Resource, critical_path, plan_of_state, unavoidable_seconds
from tests.unit.plan import AWS_STACKS, Plan, planned

MINUTES = {"cluster": 10, "nodes": 3, "database": 12, "app": 1}


def minutes(resource_type: str, name: str) -> int:  # noqa: ARG001
    return MINUTES[resource_type]


def test_the_longest_chain_decides_and_not_the_number_of_resources() -> None:
    plan = [
        Resource("app", "app", ("nodes", "database")),
        Resource("nodes", "nodes", ("cluster",)),
        Resource("cluster", "cluster", ()),
        Resource("database", "database", ()),
    ]
    chain = critical_path(plan, minutes)
    assert [(link.key, link.ready) for link in chain] == [("cluster", 10), ("nodes", 13), ("app", 14)]


def test_what_waits_for_itself_is_told() -> None:
    with pytest.raises(ValueError, match="a -> b -> a wait for each other"):
        critical_path([Resource("a", "app", ("b",)), Resource("b", "app", ("a",))], minutes)


def test_in_a_state_a_component_stands_for_what_is_inside_it_and_a_provider_is_waited_for() -> None:
    state = [
        {"urn": "component", "type": "c", "parent": ""},
        {"urn": "child", "type": "d", "parent": "component"},
        {"urn": "provider", "type": "p", "dependencies": ["component"]},
        {"urn": "object", "type": "o", "provider": "provider::id-1"},
    ]
    after = {resource.key: set(resource.after) for resource in plan_of_state(state)}
    assert after["provider"] == {"component", "child"}
    assert after["object"] == {"provider"}
    assert after["child"] == set()


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_a_first_up_takes_at_most_a_tenth_longer_than_what_cannot_be_avoided(stack: str) -> None:
    chain = critical_path(resources_of(planned(stack)))
    told = "\n".join(f"{link.ready:5} s  {link.key}" for link in chain)
    assert chain[-1].ready <= 1.1 * unavoidable_seconds(), told


def resources_of(plan: Plan) -> list[Resource]:
    """A plan under mocks as the critical path reads it."""
    return [
        Resource(resource.key, resource.type, (*resource.depends_on, *provider_of(resource.provider)))
        for resource in plan.resources
    ]


def provider_of(reference: str) -> list[str]:
    """`...::pulumi:providers:kubernetes::kubernetes::id` as `kubernetes/kubernetes`."""
    if not reference:
        return []
    kind, name, _ = reference.rsplit("::", 2)
    return [f"{kind.rsplit(':', 1)[1]}/{name}"]
