"""A stack file that cannot work is refused before anything is touched, with all its faults at once."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stacks.configuration import load
from stacks.settings import SettingsError
from tests.unit.plan import STACKS, planned_with, settings_of, stack_file

Config = dict[str, Any]


def faults(stack: str, change: Callable[[Config], None]) -> list[str]:
    """The faults of a committed stack file after a change."""
    config = stack_file(stack)
    change(config)
    with pytest.raises(SettingsError) as refused:
        settings_of(stack, config)
    return refused.value.faults


def setting(section: str, **values: Any) -> Callable[[Config], None]:
    """A change of some keys of one section."""

    def change(config: Config) -> None:
        config[f"marlinspike:{section}"] = {**config.get(f"marlinspike:{section}", {}), **values}

    return change


@pytest.mark.parametrize("stack", STACKS)
def test_every_shipped_stack_file_is_accepted(stack: str) -> None:
    assert settings_of(stack).app.image.endswith(":0.1.0")


def test_a_misspelt_setting_is_refused_with_what_was_meant() -> None:
    [fault] = faults("prod", setting("database", multi_as=True))
    assert fault.startswith("database.multi_as: unknown setting; did you mean multi_az? (known: instance_class,")


def test_a_misspelt_setting_deep_inside_is_refused_with_what_is_known_there() -> None:
    [fault] = faults("prod", setting("app", shutdown={"grace": 60}))
    assert fault.startswith("app.shutdown.grace: unknown setting; did you mean grace_seconds?")


def test_a_misspelt_setting_of_a_node_group_is_refused_with_what_is_known_there() -> None:
    group = {"instance_types": ["m7g.large"], "minimum": 1, "desired": 1, "maximum": 1, "discs": 1}
    [fault] = faults("staging", setting("nodes", application=group))
    assert fault.startswith("nodes.application.discs: unknown setting")
    assert "disk_gib" in fault
    taints = [{"key": "a", "efect": "NoSchedule"}]
    missing, fault = faults("staging", setting("nodes", application={**group, "taints": taints}))[:2]
    assert missing == "nodes.application.taints.0.effect: is missing"
    assert fault.startswith("nodes.application.taints.0.efect: unknown setting; did you mean effect?")


def test_a_misspelt_section_is_refused_too() -> None:
    def change(config: Config) -> None:
        config["marlinspike:monitring"] = config.pop("marlinspike:monitoring")

    [fault] = faults("prod", change)
    assert fault.startswith("monitring: unknown section for target aws; did you mean monitoring?")


def test_a_key_of_a_strange_namespace_is_refused() -> None:
    [fault] = faults("dev", lambda config: config.update({"marlinspik:network": {"cidr": "10.0.0.0/16"}}))
    assert fault.startswith("marlinspik:network: belongs to namespace marlinspik, which this program does not read")


def test_a_section_of_the_other_target_is_refused() -> None:
    [fault] = faults("local", setting("network", cidr="10.50.0.0/16"))
    assert fault.startswith("network: unknown section for target local")


def test_an_unknown_target_is_refused_with_the_known_ones() -> None:
    assert faults("dev", lambda config: config.update({"marlinspike:target": "gcp"})) == [
        "target: gcp; allowed are aws, local, account"
    ]


def test_a_missing_section_is_named() -> None:
    [fault] = faults("dev", lambda config: config.pop("marlinspike:nodes"))
    assert fault.startswith("nodes: section is missing")


def test_a_wrong_type_is_refused_and_not_guessed() -> None:
    [fault] = faults("prod", setting("database", multi_az="yes"))
    assert fault == "database.multi_az: input should be a valid boolean (given: 'yes')"


def test_all_faults_are_listed_at_once_and_counted() -> None:
    def change(config: Config) -> None:
        setting("network", cidr="8.8.0.0/16")(config)
        setting("database", backup_days=90, multi_az=3)(config)
        setting("app", disruption_budget={"min_available": 3})(config)

    found = faults("prod", change)
    assert [fault.split(":")[0] for fault in found] == [
        "network.cidr",
        "database.multi_az",
        "database.backup_days",
        "app.disruption_budget.min_available",
    ]
    assert str(SettingsError("prod", found)).startswith(
        "Pulumi.prod.yaml has 4 faults; nothing was touched.\n  network.cidr: "
    )


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"faults_enabled": True}, "app.faults_enabled:"),
        ({"environment": {"FAULTS_ENABLED": "true"}}, "app.environment:"),
    ],
)
def test_nobody_may_ask_a_protected_stack_for_faults(given: dict[str, Any], where: str) -> None:
    [fault] = faults("prod", setting("app", **given))
    assert fault.startswith(where)
    assert "protection.enabled" in fault
    config = stack_file("dev")
    setting("app", **given)(config)
    settings_of("dev", config)


def test_networks_are_compared_under_another_projects_name_too(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.prod.yaml").write_text("config: {'own:network': {cidr: 10.40.0.0/16}}")
    own = {key.replace("marlinspike:", "own:"): value for key, value in stack_file("dev").items()}
    given = {key: value if isinstance(value, str) else json.dumps(value) for key, value in own.items()}
    with pytest.raises(SettingsError, match=r"overlaps 10\.40\.0\.0/16 of stack prod"):
        load(given, "own", "dev", tmp_path)


def test_a_network_that_overlaps_another_stacks_is_refused() -> None:
    [fault] = faults("prod", setting("network", cidr="10.40.0.0/17"))
    assert fault.startswith("network.cidr: 10.40.0.0/17 overlaps 10.40.0.0/16 of stack dev (Pulumi.dev.yaml)")


def test_nodes_without_any_way_to_aws_are_refused() -> None:
    [fault] = faults("dev", setting("network", nat_gateways="none"))
    assert fault.startswith(
        "network.nat_gateways: with none and no endpoints, nodes reach neither EC2 nor ECR nor EKS's"
    )


def test_what_comes_from_public_registries_is_refused_where_nothing_leads_there() -> None:
    def change(config: Config) -> None:
        setting("network", nat_gateways="none")(config)
        setting("app", image="ghcr.io/example/app:0.1.0")(config)

    found = faults("prod", change)
    assert [fault.split(":")[0] for fault in found] == ["app.image", "monitoring.mode"]
    assert "nodes pull from ECR in eu-west-3 only" in found[0]
    assert "quay.io, registry.k8s.io, docker.io" in found[1]


def test_without_nat_a_stack_whose_images_are_in_ecr_is_accepted() -> None:
    config = stack_file("dev")
    setting("network", nat_gateways="none", interface_endpoints=True)(config)
    assert settings_of("dev", config).target == "aws"


def test_more_nodes_than_the_subnets_have_prefixes_for_are_refused() -> None:
    group = {"instance_types": ["m7g.large"], "minimum": 1, "desired": 1, "maximum": 25}

    def change(config: Config) -> None:
        setting("network", cidr="10.41.0.0/18")(config)
        setting("nodes", application=group)(config)

    [fault] = faults("staging", change)
    # 9 nodes in the fullest zone, 8 prefixes each; half of a /21 has 64.
    assert "25 nodes at most in 3 zones take 72 prefixes of 16 addresses in each, and a /18 has 64" in fault


def test_more_pods_than_the_database_has_connections_for_are_refused() -> None:
    [fault] = faults("prod", setting("app", database_pool_size=11))
    # 20 pods, a quarter more during a rollout, and 20 that leave; 11 connections each, 8 reserved.
    assert (
        "45 pods (new, surplus and leaving ones in a rollout) of 11 connections and 8 reserved ones need 503" in fault
    )
    assert "database.max_connections is 500" in fault


def test_the_largest_pool_that_fits_is_accepted() -> None:
    config = stack_file("prod")
    setting("app", database_pool_size=10)(config)
    assert settings_of("prod", config).app.database_pool_size == 10


def test_a_budget_that_blocks_every_drain_is_refused() -> None:
    [fault] = faults("prod", setting("app", disruption_budget={"min_available": 3}))
    assert fault.startswith(
        "app.disruption_budget.min_available: 3 of at least 3 pods never lets a node drain; at most 2"
    )


def test_a_budget_for_a_single_pod_is_refused() -> None:
    [fault] = faults("dev", setting("app", disruption_budget={"min_available": 1}))
    assert fault.startswith("app.disruption_budget: a single pod cannot be available while it moves")


def test_a_pod_that_would_be_killed_while_it_still_serves_is_refused() -> None:
    [fault] = faults("dev", setting("app", shutdown={"grace_seconds": 45}))
    assert fault.startswith(
        "app.shutdown.grace_seconds: 45 is less than pre_stop_seconds 20 and server_seconds 30 together"
    )


def test_a_load_balancer_that_outlives_the_pod_is_refused() -> None:
    [fault] = faults("dev", setting("app", shutdown={"deregistration_delay_seconds": 51}))
    assert fault.startswith("app.shutdown.deregistration_delay_seconds: 51 is longer than the pod lives")


def test_a_node_group_that_is_not_there_is_refused() -> None:
    [fault] = faults("staging", setting("app", node_group="gpu"))
    assert fault == "app.node_group: there is no group gpu in section nodes; allowed are application"
    [fault] = faults("staging", setting("add_ons", node_group="gpu"))
    assert fault == "add_ons.node_group: there is no group gpu in section nodes; allowed are application"


def test_a_cluster_whose_every_node_repels_pods_is_refused() -> None:
    taint = {"key": "dedicated", "value": "app", "effect": "NoSchedule"}
    nodes = {"application": {**stack_file("staging")["marlinspike:nodes"]["application"], "taints": [taint]}}
    [fault] = faults("staging", setting("nodes", **nodes))
    assert fault.startswith("nodes: every group has a taint (NoSchedule or NoExecute)")


def test_a_stack_whose_name_makes_no_aws_names_is_refused() -> None:
    for name in ("prod_eu", "a-name-that-is-too-long", "-x", "Prod"):
        with pytest.raises(SettingsError) as refused:
            settings_of(name, {**stack_file("dev"), "marlinspike:network": {"cidr": "10.99.0.0/16"}})
        assert [fault.split(";")[0] for fault in refused.value.faults] == [f"{name}: is no name for a stack"]


def test_node_groups_are_refused_where_there_are_none() -> None:
    [fault] = faults("local", setting("app", node_group="gpu"))
    assert fault == "app.node_group: target local has no node groups; leave it out"


def test_a_cache_that_outgrows_its_container_is_refused() -> None:
    [fault] = faults("local", setting("cache", memory_mebibytes=1024))
    assert fault.startswith("cache: memory_mebibytes 1024 is more than two thirds of resources.memory_limit (256Mi)")


def test_images_of_the_local_servers_can_come_from_elsewhere() -> None:
    plan = planned_with("local", {"database.image": "localhost/postgresql:15", "cache.image": "localhost/redis:7"})
    images = {
        container["image"]
        for server in plan.of("kubernetes:apps/v1:StatefulSet")
        for container in server.inputs["spec"]["template"]["spec"]["containers"]
    }
    assert images == {"localhost/postgresql:15", "localhost/redis:7"}
