"""The policy pack: each rule passes what is good and refuses what is not, and the shipped stacks keep all of them."""

import re

import jsonschema
import pytest
from pulumi_policy import EnforcementLevel

from policy.approved import REGIONS
from policy.exceptions import EXCEPTIONS
from policy.pack import policies, rules
from policy.rule import Rule
from tests.unit.plan import PROJECT_FOLDER, STACKS, Registered, plan_of, planned, settings_of
from tests.unit.policies import UNKNOWN, Planned, asked
from tests.unit.policy_cases import data, pods, ways, who
from tests.unit.test_recovery import recovery_file

CASES = {**data.CASES, **ways.CASES, **who.CASES, **pods.CASES}

RULES = rules()

GOOD = [pytest.param(name, each, id=f"{name}-{n}") for name, case in CASES.items() for n, each in enumerate(case.good)]
BAD = [
    pytest.param(name, each, words, id=f"{name}-{n}")
    for name, case in CASES.items()
    for n, (each, words) in enumerate(case.bad)
]

RECOVERY = "prod-recovery"
SHIPPED = (*STACKS, "account", RECOVERY)

EVERYTHING_IS_REFUSED = {"no-users"}
"""Rules on types of which there is no good one."""


@pytest.mark.parametrize(("name", "about"), GOOD)
def test_a_rule_lets_pass_what_is_good(name: str, about: Planned | list[Planned]) -> None:
    answer = asked(RULES[name], about)
    assert answer.messages == []
    assert "does not look at" not in answer.not_applicable, "the case would prove nothing"


@pytest.mark.parametrize(("name", "about", "words"), BAD)
def test_a_rule_refuses_what_is_not(name: str, about: Planned | list[Planned], words: str) -> None:
    assert any(words in message for message in asked(RULES[name], about).messages)


def test_every_rule_has_cases_of_both_kinds() -> None:
    assert CASES.keys() == RULES.keys()
    assert {name for name, case in CASES.items() if not case.good} == EVERYTHING_IS_REFUSED
    assert all(case.bad for case in CASES.values())


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)
def test_every_rule_says_what_why_and_how_to_mend_it(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)+", rule.name)
    assert rule.policy().description == rule.says
    message = asked(rule, CASES[rule.name].bad[0][0]).messages[0]
    found, why, fix = message.split("\n")
    assert found.endswith((".", ")")) or ":" in found
    assert why == f"Why: {rule.why}"
    assert fix == f"Fix: {rule.fix}"
    assert all(text.endswith((".", ")")) for text in (rule.says, rule.why, rule.fix))


def test_every_rule_is_a_policy_of_the_pack_and_refuses_unless_it_says_otherwise() -> None:
    assert [policy.name for policy in policies()] == list(RULES)
    assert {policy.enforcement_level for policy in policies()} == {EnforcementLevel.MANDATORY}


@pytest.mark.parametrize("rule", [rule for rule in RULES.values() if rule.config], ids=lambda rule: rule.name)
def test_defaults_of_a_rule_fit_its_own_schema(rule: Rule) -> None:
    schema = {"type": "object", "properties": dict(rule.config)}
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(rule.defaults, schema)
    assert all(key.get("description") for key in rule.config.values())


def test_what_is_configured_holds_in_place_of_the_default() -> None:
    vpc = Planned("aws:ec2/vpc:Vpc", {"region": "us-east-1"})
    assert asked(RULES["regions-are-approved"], vpc, {"regions": ["us-east-1"]}).messages == []
    guarded = {"guarded_stacks": ["dev"]}
    assert asked(RULES["protected-from-deletion"], Planned("aws:kms/key:Key"), guarded).messages
    image = pods.pods(image="registry.example/app:1")
    assert "by digest" in asked(RULES["images-have-versions"], image, {"digest_stacks": ["dev"]}).messages[0]
    opened = ways.opening(8443, 8443)
    assert asked(RULES["world-reaches-web-ports-only"], opened, {"ports": [8443]}).messages == []


def test_what_is_not_known_yet_neither_passes_nor_fails() -> None:
    answer = asked(RULES["database-is-private"], Planned("aws:rds/instance:Instance", {"publiclyAccessible": UNKNOWN}))
    assert answer.messages == []
    assert "looked at again" in answer.not_applicable


def test_a_rule_is_not_asked_about_other_types() -> None:
    assert "does not look at" in asked(RULES["keys-rotate"], Planned("aws:ec2/vpc:Vpc")).not_applicable


def shipped(stack: str) -> list[Registered]:
    """The resources of a shipped stack that an engine would ask the pack about."""
    plan = plan_of(stack, settings_of(stack, recovery_file())) if stack == RECOVERY else planned(stack)
    return plan.resources


def findings(stack: str, excepted: bool = True) -> list[tuple[str, str, str]]:
    """Rule, type and name of whatever breaks a rule on single resources in a stack, as the mocks show it."""
    found = []
    for it in shipped(stack):
        about = Planned(
            it.type, it.inputs, it.name, stack, it.protect, it.provider.split("::")[-2] if it.provider else ""
        )
        for rule in RULES.values():
            exceptions = EXCEPTIONS if excepted else ()
            if (
                rule.check_stack is None
                and rule.concerns(it.type)
                and asked(rule, about, exceptions=exceptions).messages
            ):
                found.append((rule.name, it.type, it.name))
    return found


@pytest.mark.parametrize("stack", SHIPPED)
def test_the_shipped_stacks_keep_every_rule(stack: str) -> None:
    assert findings(stack) == []


def test_every_exception_has_a_reason_and_is_needed_by_a_shipped_stack() -> None:
    broken = {each for stack in ("prod", "local", "account") for each in findings(stack, excepted=False)}
    for exception in EXCEPTIONS:
        assert exception.rule in RULES
        assert exception.reason.endswith(".")
        assert any(rule == exception.rule and exception.concerns(kind, name) for rule, kind, name in broken), (
            f"nothing needs the exception from {exception.rule} for {exception.name}"
        )


def test_the_page_on_policies_lists_exactly_the_packs_rules_and_exceptions() -> None:
    page = (PROJECT_FOLDER / "docs" / "policies.md").read_text()
    listed = re.findall(r"^\| `([a-z-]+)` \| (.+) \| (.+) \|$", page, flags=re.MULTILINE)
    wanted = [(rule.name, rule.says, ", ".join(f"`{key}`" for key in rule.config) or "-") for rule in RULES.values()]
    excepted = [
        (exception.rule, f"`{exception.type.rsplit(':', 1)[-1]}` `{exception.name}`", exception.reason)
        for exception in EXCEPTIONS
    ]
    assert listed == [*wanted, *excepted]


def test_the_shipped_stacks_are_in_approved_regions_only() -> None:
    named = {
        region
        for file in PROJECT_FOLDER.glob("Pulumi.*.yaml")
        for region in re.findall(r"\b[a-z]{2}-[a-z]+-[0-9]\b", file.read_text())
    }
    assert named == set(REGIONS)
