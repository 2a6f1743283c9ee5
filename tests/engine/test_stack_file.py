"""The copy of the stack file: the committed settings, what a test changes, and a salt of its own."""

from pathlib import Path

import pytest
import yaml

from rehearsal.stack_file import StackFileError, rehearsed, stack_file, stacks

COMMITTED = "config:\n  shop:database:\n    size: small\n    zones: [a, b]\n  aws:region: eu-west-3\n"


def config(overrides: dict[str, object]) -> dict[str, object]:
    copy = yaml.safe_load(rehearsed(COMMITTED, "shop", overrides, "v1:salt"))
    assert copy["encryptionsalt"] == "v1:salt"
    found: dict[str, object] = copy["config"]
    return found


def test_without_changes_the_settings_are_the_committed_ones() -> None:
    assert config({}) == yaml.safe_load(COMMITTED)["config"]


def test_one_setting_changes_and_its_neighbours_stay() -> None:
    assert config({"database.size": "large"})["shop:database"] == {"size": "large", "zones": ["a", "b"]}
    assert config({"aws:region": "eu-central-1"})["aws:region"] == "eu-central-1"


def test_a_setting_is_added_and_removed() -> None:
    assert config({"cache.nodes": 3})["shop:cache"] == {"nodes": 3}
    assert config({"database.zones": None})["shop:database"] == {"size": "small"}


def test_a_path_through_a_value_is_refused() -> None:
    with pytest.raises(StackFileError, match=r"size is no section"):
        config({"database.size.unit": "GB"})


def test_encrypted_values_are_refused_by_name() -> None:
    with pytest.raises(StackFileError, match="shop:token"):
        rehearsed("config:\n  shop:token:\n    secure: v1:abc\n", "shop", {}, "salt")


def test_the_real_stacks_secrets_provider_is_left_out() -> None:
    copy = yaml.safe_load(rehearsed("secretsprovider: awskms://x\nencryptedkey: abc\nconfig: {}\n", "shop", {}, "salt"))
    assert copy == {"config": {}, "encryptionsalt": "salt"}


def test_only_the_stacks_with_a_file_exist(tmp_path: Path) -> None:
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml", "Pulumi.prod.yaml", "other.yaml"):
        (tmp_path / name).touch()
    assert stacks(tmp_path) == ["dev", "prod"]
    assert stack_file(tmp_path, "dev") == tmp_path / "Pulumi.dev.yaml"
    with pytest.raises(StackFileError, match="The stacks that exist: dev, prod"):
        stack_file(tmp_path, "test")
