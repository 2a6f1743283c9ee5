"""The account's own stack through the real engine: up, nothing left to do, a change, and down again; without a cluster."""

from collections.abc import Iterator

import pytest

from rehearsal.run import Rehearsal
from rehearsal.toolchain import Toolchain


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory, toolchain: Toolchain) -> Iterator[Rehearsal]:
    folder = tmp_path_factory.mktemp("account")
    rehearsal = Rehearsal(
        "account",
        state=folder / "state",
        out=folder / "out",
        toolchain=toolchain,
        with_control_plane=False,
    )
    try:
        result = rehearsal.up()
        assert result.succeeded, "\n".join(result.errors)
        yield rehearsal
    finally:
        rehearsal.remove()


def test_it_says_what_the_environments_need(up: Rehearsal) -> None:
    [stack] = [r for r in up.state()["deployment"]["resources"] if r["type"] == "pulumi:pulumi:Stack"]
    outputs = stack["outputs"]
    assert outputs["repositories"] == {
        "marlinspike/app": "111122223333.dkr.ecr.eu-west-3.amazonaws.com/marlinspike/app"
    }
    roles = {f"marlinspike-{stack}-{kind}" for stack in ("dev", "staging", "prod") for kind in ("deploy", "preview")}
    assert outputs["roles"] == {role: f"arn:aws:iam::111122223333:role/{role}" for role in {*roles, "marlinspike-push"}}


def test_a_second_preview_finds_nothing_to_do(up: Rehearsal) -> None:
    preview = up.preview(None, None, "--expect-no-changes")
    assert preview.succeeded, "\n".join(preview.errors)
    assert preview.changes.keys() == {"same"}
    assert preview.policies is not None
    assert preview.policies.violations == ()


def test_changed_settings_change_exactly_what_they_should(up: Rehearsal) -> None:
    preview = up.preview(None, {"registry.untagged_days": 14, "delivery.session_hours": 2, "registry.scan": "enhanced"})
    assert preview.succeeded, "\n".join(preview.errors)
    found = {f"{step.operation} {step.key}" for step in preview.events.changed}
    lifecycle = "LifecyclePolicy/marlinspike-app-lifecycle"
    assert {change for change in found if "Role/" not in change} == {
        *(f"{operation} {lifecycle}" for operation in ("create-replacement", "replace", "delete-replaced")),
        "update RepositoryCreationTemplate/marlinspike-account-registry-copy-marlinspike",
        "update RegistryScanningConfiguration/marlinspike-account-registry-scanning",
        "update RegistryScanningConfiguration/marlinspike-account-registry-copy-scanning",
    }
    assert len({change for change in found if change.startswith("update Role/")}) == 7


def test_a_repository_of_prods_images_is_never_replaced(up: Rehearsal) -> None:
    refused = up.preview(None, {"registry.repositories": ["marlinspike/other"]})
    assert not refused.succeeded
    assert any("marlinspike-app" in error and "protect" in error for error in refused.errors), refused.errors


def test_destroy_leaves_neither_state_nor_account(up: Rehearsal) -> None:
    down = up.destroy()
    assert down.succeeded, "\n".join(down.errors)
    assert [path for path in up.cloud.rglob("*.json") if not path.name.startswith(".")] == []
