"""What the stand-in for the Kubernetes plugin makes of its configuration, and which server it speaks to."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pulumi_kubernetes
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2 as protocol

from rehearsal.plugins.wire import UNKNOWN, Secret, encode
from tests.cluster.conftest import Eventually
from tests.cluster.kubernetes_plugin.conftest import Started
from tests.cluster.kubernetes_plugin.objects import DEPLOYMENT, NAMESPACE, deployment
from tests.engine_double import REPOSITORY, EngineDouble, OperationFailedError


def test_the_plugin_answers_the_version_that_the_sdk_asks_for(engine: EngineDouble) -> None:
    sdk = json.loads((Path(pulumi_kubernetes.__file__).parent / "pulumi-plugin.json").read_text())
    assert engine.provider.GetPluginInfo(empty_pb2.Empty()).version == sdk["version"]


BARE = "import os; from pulumi.runtime.proto import provider_pb2_grpc; print(sum(os.times()[:2]))"
"""What every plugin in Python needs to start, and its processor seconds."""


def test_the_plugin_starts_in_little_more_than_its_protocol_takes(environment: dict[str, str]) -> None:
    """By processor time, and by its ratio: others' work hardly makes that longer."""
    bare = float(subprocess.run([sys.executable, "-c", BARE], stdout=subprocess.PIPE, check=True).stdout)
    with EngineDouble("rehearsal.plugins.kubernetes", environment, {}) as started:
        used = psutil.Process(started.process.pid).cpu_times()
    assert used.user + used.system < 4 * bare


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"kubeconfg": "x"}, "no setting 'kubeconfg'"),
        ({"enablePatchForce": "perhaps"}, "must be true or false"),
        ({"kubeconfig": 7}, "must be a string"),
        ({"enableServerSideApply": False}, "client-side apply is not simulated"),
        ({"renderYamlToDirectory": "out"}, "is not simulated"),
    ],
)
def test_a_wrong_provider_setting_is_refused_with_its_reason(
    engine: EngineDouble, config: dict[str, Any], says: str
) -> None:
    answer = engine.provider.CheckConfig(protocol.CheckRequest(news=encode(config)))
    assert [failure.property for failure in answer.failures] == list(config)
    assert says in answer.failures[0].reason


def test_a_right_provider_configuration_passes_with_secrets_and_unknown_values(engine: EngineDouble) -> None:
    config = {
        "kubeconfig": Secret(UNKNOWN),
        "clusterIdentifier": "arn",
        "namespace": "app",
        "enableServerSideApply": "true",
    }
    answer = engine.provider.CheckConfig(protocol.CheckRequest(news=encode(config)))
    assert not answer.failures


def kubeconfig_of(server: str) -> str:
    return json.dumps(
        {
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "contexts": [{"name": "x", "context": {"cluster": "c"}}],
            "current-context": "x",
        }
    )


@pytest.mark.parametrize(
    ("old", "new", "replaces"),
    [
        ({}, {"kubeconfig": kubeconfig_of("https://b")}, ["kubeconfig"]),
        ({"clusterIdentifier": "arn:1"}, {"clusterIdentifier": "arn:1", "kubeconfig": kubeconfig_of("https://b")}, []),
        ({"clusterIdentifier": "arn:1"}, {"clusterIdentifier": "arn:1", "kubeconfig": UNKNOWN}, []),
        ({"clusterIdentifier": "arn:1"}, {"clusterIdentifier": "arn:2"}, ["clusterIdentifier"]),
        ({}, {"clusterIdentifier": "arn:1"}, []),
        ({}, {"kubeconfig": UNKNOWN}, ["kubeconfig"]),
        ({}, {"namespace": "other"}, []),
    ],
)
def test_objects_are_replaced_only_when_another_cluster_is_meant(
    engine: EngineDouble, old: dict[str, Any], new: dict[str, Any], replaces: list[str]
) -> None:
    base = {"kubeconfig": kubeconfig_of("https://a")}
    request = protocol.DiffRequest(olds=encode(base | old), news=encode(base | new))
    answer = engine.provider.DiffConfig(request)
    assert answer.changes == protocol.DiffResponse.DIFF_SOME
    assert list(answer.replaces) == replaces


def test_without_the_cluster_a_preview_echoes_the_inputs_and_an_update_says_why_it_cannot(start: Started) -> None:
    offline = start(kubeconfig=Secret(UNKNOWN))
    inputs = deployment("app")
    previewed = offline.create(DEPLOYMENT, "web", inputs, preview=True)
    assert previewed.id == ""
    assert previewed.outputs["spec"] == inputs["spec"]
    assert "status" not in previewed.outputs
    assert "uid" not in previewed.outputs["metadata"]
    assert offline.create(NAMESPACE, "app", {}, preview=True).outputs["metadata"].get("namespace") is None
    with pytest.raises(OperationFailedError, match="cluster is unreachable: its kubeconfig is not known"):
        offline.create(DEPLOYMENT, "web", inputs)


def test_a_rehearsal_never_speaks_to_another_server_than_its_own(start: Started) -> None:
    elsewhere = start(kubeconfig=kubeconfig_of("https://production.example"))
    with pytest.raises(OperationFailedError, match="a rehearsal applies only to its own control plane"):
        elsewhere.create(NAMESPACE, "never", {})


def test_the_kubeconfig_is_taken_as_contents_and_as_a_path(start: Started, control_plane: Any) -> None:
    for given in (control_plane.kubeconfig.read_text(), str(control_plane.kubeconfig)):
        assert start(kubeconfig=given).create(NAMESPACE, "asked", {}, preview=True).outputs["metadata"]["uid"]


def test_the_kubeconfig_of_the_simulated_eks_cluster_leads_to_the_control_plane(start: Started) -> None:
    eks = json.loads(kubeconfig_of("https://ABCDEF.gr7.eu-west-3.eks.amazonaws.com"))
    arguments = [
        "eks",
        "get-token",
        "--cluster-name",
        "marlinspike",
        "--role-arn",
        "arn:aws:iam::111122223333:role/deploy",
    ]
    eks["users"] = [{"name": "u", "user": {"exec": {"command": "aws", "args": arguments}}}]
    eks["contexts"][0]["context"]["user"] = "u"
    assert start(kubeconfig=json.dumps(eks)).create(NAMESPACE, "asked", {}, preview=True).outputs["metadata"]["uid"]


def test_a_plugin_ends_with_its_engine(environment: dict[str, str], eventually: Eventually) -> None:
    program = (
        "import subprocess, sys\n"
        "plugin = subprocess.Popen([sys.executable, '-m', 'rehearsal.plugins.kubernetes'], stdout=subprocess.PIPE)\n"
        "plugin.stdout.readline()\n"
        "print(plugin.pid, flush=True)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, check=True
    )
    ended = Path(f"/proc/{int(run.stdout)}")
    eventually("the plugin has ended", 12, lambda: not ended.exists())
