"""Faults strike where a rehearsal tells them to."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.engine.aws_plugin.resources import LOG_GROUP, ROLE, TRUST, VPC, configured
from tests.engine.plugin_client import Made, cloud_files, refusal


def faulty(tmp_path: Path, **fault: Any) -> dict[str, str]:
    file = tmp_path / "faults.json"
    file.write_text(json.dumps([{"type": "*", "name": "*", "operation": "create", **fault}]))
    return {"MARLINSPIKE_FAULTS": str(file)}


def test_an_injected_failure_makes_nothing_and_passes_after_its_times(rehearsal: Path, tmp_path: Path) -> None:
    with configured(rehearsal, **faulty(tmp_path, type=VPC, effect="fail", message="Throttling", times=1)) as aws:
        with pytest.raises(grpc.RpcError) as failed:
            aws.create(VPC, "vpc", cidrBlock="10.0.0.0/16")
        assert refusal(failed) == "creating aws:ec2/vpc:Vpc (vpc): Throttling"
        assert cloud_files(rehearsal) == []
        aws.create(LOG_GROUP, "logs")
        aws.create(VPC, "vpc", cidrBlock="10.0.0.0/16")


def test_a_lost_answer_leaves_the_work_done(rehearsal: Path, tmp_path: Path) -> None:
    with configured(rehearsal, **faulty(tmp_path, effect="lose-answer", times=1)) as aws:
        with pytest.raises(grpc.RpcError):
            aws.create(ROLE, "r", name="reader", assumeRolePolicy=TRUST)
        assert len(cloud_files(rehearsal)) == 1
        with pytest.raises(grpc.RpcError) as taken:
            aws.create(ROLE, "r", name="reader", assumeRolePolicy=TRUST)
        assert "EntityAlreadyExists" in refusal(taken)
        found = aws.read(Made("aws:iam/role:Role", "r", {}, "reader"))
        assert found is not None
        assert found.outputs["name"] == "reader"


def test_times_count_over_processes(rehearsal: Path, tmp_path: Path) -> None:
    environment = faulty(tmp_path, effect="fail", times=1)
    with configured(rehearsal, **environment) as first, pytest.raises(grpc.RpcError):
        first.create(LOG_GROUP, "logs")
    with configured(rehearsal, **environment) as second:
        second.create(LOG_GROUP, "logs")


def test_a_slow_operation_waits_and_is_ended_by_a_cancellation(rehearsal: Path, tmp_path: Path) -> None:
    with configured(rehearsal, **faulty(tmp_path, effect="slow", seconds=60)) as aws:
        threading.Timer(0.5, aws.cancel).start()
        with pytest.raises(grpc.RpcError) as cancelled:
            aws.create(LOG_GROUP, "logs")
        assert "cancelled" in refusal(cancelled)
        assert cloud_files(rehearsal) == []


def test_a_malformed_faults_file_is_named(rehearsal: Path, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "MARLINSPIKE_REHEARSAL": str(rehearsal),
        **faulty(tmp_path, operation="creat", effect="fail"),
    }
    run = subprocess.run(
        [sys.executable, "-m", "rehearsal.plugins.aws"], env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert "operation must be one of check, create, delete, diff, read, update" in run.stderr
