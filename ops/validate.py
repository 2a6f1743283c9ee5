"""`validate`: a stack's whole configuration, as far as it can be judged without an account and without a cluster."""

from collections.abc import Iterator
from dataclasses import asdict

from infra.naming import PROJECT
from ops.command import Result, Session
from ops.errors import OpsError
from ops.stack import Stack
from policy.pack import rules
from policy.planned_resource import Provider, plain
from policy.planned_resource import Resource as Judged
from preflight.findings import Finding, Status, fault, fine, warning
from preflight.placeholders import placeholders
from price.estimate import EstimateError, estimate, over_the_limit
from price.resources import Resource
from price.table import table
from stacks.configuration import config_of
from stacks.plan import Plan, plan_of
from stacks.settings import AccountStackSettings, AwsSettings, LocalSettings, Settings

ORDER = [Status.FAULT, Status.WARNING, Status.OK]
REGISTRY_OF_AWS = ".dkr.ecr."


def validate(session: Session) -> Result:
    """Judge a stack file offline, all faults at once: status 1 when there is one. Needs no AWS, no cluster and no engine.

    Looked at are: documentation values that only you can replace, every setting and what must hold between them, the whole plan
    of the program, the policies, the images' names, and the price against the budget. What the account says: `make preflight`.

    Examples: `python -m ops validate --stack prod`, `python -m ops validate --stack prod --json`
    """
    stack = session.stack
    found = sorted(judge(stack), key=lambda finding: ORDER.index(finding.status))
    session.report.table(
        f"Pulumi.{stack.name}.yaml",
        ["check", "", "found", "what to do"],
        [(each.check, each.status, each.found, each.to_do) for each in found],
    )
    faults = [each for each in found if each.status is Status.FAULT]
    document = {"stack": stack.name, "ok": not faults, "findings": [asdict(each) for each in found]}
    if faults:
        lines = "\n".join(f"  {each.check}: {each.found}; {each.to_do}" for each in faults)
        count = f"{len(faults)} fault" + ("s" if len(faults) > 1 else "")
        raise OpsError(f"Pulumi.{stack.name}.yaml has {count}; nothing was touched.\n{lines}", document)
    session.report.say(f"Next: make preflight STACK={stack.name}")
    return document


def judge(stack: Stack) -> list[Finding]:
    """Everything that is found; what needs settings is left out where they cannot be read."""
    found = placeholders(config_of(stack.file))
    try:
        settings = stack.settings
    except OpsError as error:
        faults = error.document.get("faults") or [str(error)]
        return [*found, *(fault("settings", text, "correct the stack file") for text in faults)]
    found.append(fine("settings", "every section is right, and so is what must hold between them"))
    found += _images(settings)
    try:
        plan = plan_of(stack.name, settings)
    except Exception as error:  # whatever the program raises would end `pulumi up` too
        said = f"{type(error).__name__}: {error}"
        return [*found, fault("plan", f"the program ends with {said}", "this is a fault of the program: report it")]
    found.append(fine("plan", f"{len(plan.resources)} resources"))
    return [*found, *_policies(stack, plan), *_price(stack, settings, plan)]


def _images(settings: Settings) -> Iterator[Finding]:
    """A digest is the same image for ever; a tag is what the registry says today."""
    if isinstance(settings, AccountStackSettings):
        return
    protected = isinstance(settings, AwsSettings) and settings.protection.enabled
    workloads = {"app": settings.app, **{f"workloads.{name}": each for name, each in settings.workloads.items()}}
    for place, workload in workloads.items():
        for image in workload.images:
            if "@sha256:" in image:
                yield fine("images", f"{place}: {image} is named by its digest")
            elif REGISTRY_OF_AWS in image:
                yield warning(
                    "images",
                    f"{place}: {image} is named by a tag, which never moves only as long as the repository is immutable",
                    "name the digest (aws ecr describe-images), or leave the repository to stack account, which keeps it so",
                )
            elif protected:
                to_do = "name its digest (…@sha256:…), which the registry shows"
                yield fault("images", f"{place}: {image} is named by a tag, and its registry may move that", to_do)
            else:
                yield warning("images", f"{place}: {image} is named by a tag", "name its digest before prod runs it")


def _policies(stack: Stack, plan: Plan) -> Iterator[Finding]:
    """What the policy pack says of each resource; the engine asks it again, with what only an update knows."""
    asked = [rule for rule in rules().values() if rule.check_stack is None]
    broken = 0
    for each in plan.resources:
        provider = Provider(each.provider.split("::")[-2], {}) if each.provider else None
        for rule in asked:
            if not rule.concerns(each.type):
                continue
            urn = f"urn:pulumi:{stack.name}::{PROJECT}::{each.type}::{each.name}"
            judged = Judged(each.type, each.name, urn, plain(each.inputs), each.protect, provider, config=rule.defaults)
            for finding in () if rule.excepted(judged) else rule.check(judged):
                broken += 1
                yield fault("policies", f"{each.name}: {finding} ({rule.name}: {rule.why})", rule.fix)
    if not broken:
        yield fine("policies", f"{len(asked)} rules of the pack kept")


def _price(stack: Stack, settings: Settings, plan: Plan) -> Iterator[Finding]:
    if isinstance(settings, LocalSettings | AccountStackSettings):
        return
    resources = [Resource(each.type, each.name, each.inputs) for each in plan.resources]
    try:
        found = estimate(stack.name, settings.account.region, resources, table(), settings.usage)
    except EstimateError as error:
        yield from (fault("price", text.strip(), "complete the price list (price/)") for text in error.faults)
        return
    limit = float(settings.budget.monthly_usd) if settings.budget else None
    if limit is None:
        yield warning("price", f"{found.total:.0f} USD a month, and nobody watches the bill", "write section budget")
    elif too_much := over_the_limit(found, limit):
        yield fault("price", too_much, "see: python -m price " + stack.name)
    else:
        yield fine("price", f"{found.total:.0f} USD a month of {limit:.0f}")
