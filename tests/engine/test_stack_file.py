"""The copy of the stack file: the committed settings, what a test changes, and a salt of its own."""

from pathlib import Path

import pytest
import yaml

from rehearsal.stack_file import StackFileError, read, rehearsed, stack_file, stacks

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


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"config:\n  a: [1,\n b: }\n", r"Pulumi\.dev\.yaml, line 3, column 5: this is no YAML"),
        (b"- 1\n", r"the file must be a mapping of settings, .* and is list"),
        (b"config: hello\n", r"`config` must be a mapping of settings, .* and is str"),
        (b"\xff\xfe\x00", r"can't be read: it is no UTF-8 text"),
        (b'config: "\x01"\n', r"is no YAML: unacceptable character"),
    ],
)
def test_a_file_that_is_no_stack_file_is_refused_by_name_and_place(tmp_path: Path, content: bytes, what: str) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_bytes(content)
    with pytest.raises(StackFileError, match=what):
        read(file)


def test_an_empty_file_is_a_stack_without_settings(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.touch()
    assert yaml.safe_load(rehearsed(read(file), "shop", {}, "salt")) == {"config": {}, "encryptionsalt": "salt"}


def test_encrypted_values_deep_in_a_section_are_found_too() -> None:
    with pytest.raises(StackFileError, match=r"shop:app\.keys\[0\]"):
        rehearsed("config:\n  shop:app:\n    keys: [{secure: v1:abc}]\n", "shop", {}, "salt")
