"""A real Prometheus with registered rules that scrapes what a test has started, in hurried time where a test has no hours."""

import copy
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.app.servers import Server, eventually, free_port
from tests.monitoring.tools import tools

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def hurried(duration: str, factor: int) -> str:
    """`5m` at factor 15 is `20000ms`."""
    return f"{int(duration[:-1]) * UNITS[duration[-1]] * 1000 // factor}ms"


def hurried_groups(groups: Sequence[Mapping[str, Any]], factor: int) -> list[dict[str, Any]]:
    """The same rules with every duration divided by `factor`: holds and windows."""
    found = copy.deepcopy([dict(group) for group in groups])
    for group in found:
        for rule in group["rules"]:
            rule["expr"] = re.sub(r"\[(\d+[smhd])\]", lambda match: f"[{hurried(match[1], factor)}]", rule["expr"])
            for key in ("for", "keep_firing_for"):
                if key in rule:
                    rule[key] = hurried(rule[key], factor)
    return found


class Prometheus:
    """A running Prometheus on loopback. `targets`: address to the labels that the operator would give it."""

    def __init__(
        self,
        folder: Path,
        groups: Sequence[Mapping[str, Any]],
        targets: Mapping[str, Mapping[str, str]],
        *,
        factor: int = 1,
        alertmanager: int | None = None,
    ) -> None:
        self.port = free_port()
        (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": hurried_groups(groups, factor)}))
        configuration = {
            "global": {
                "scrape_interval": hurried("30s", factor),
                "scrape_timeout": hurried("30s", factor),
                "evaluation_interval": hurried("30s", factor),
            },
            "rule_files": ["rules.yaml"],
            "scrape_configs": [
                {
                    "job_name": "app",
                    "static_configs": [
                        {"targets": [address], "labels": dict(labels)} for address, labels in targets.items()
                    ],
                }
            ],
        }
        if alertmanager is not None:
            there = [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager}"]}]}]
            configuration["alerting"] = {"alertmanagers": there}
        file = folder / "prometheus.yaml"
        file.write_text(json.dumps(configuration))
        command = [
            *(str(tools().prometheus), f"--config.file={file}", f"--storage.tsdb.path={folder / 'data'}"),
            *(f"--web.listen-address=127.0.0.1:{self.port}", f"--rules.alert.resend-delay={hurried('60s', factor)}"),
        ]
        self.server = Server(command, folder / "prometheus.log")

    def start(self) -> None:
        """Start and wait until it answers."""
        self.server.start()
        eventually(lambda: self._get("/-/ready").is_success, what=f"Prometheus is ready: {self.server.lines()}")

    def stop(self) -> None:
        """Stop it."""
        self.server.stop()

    def _get(self, path: str, **parameters: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", params=parameters)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """What an instant query finds: elements with `metric` and `value`, or `values` of a range."""
        answer = self._get("/api/v1/query", query=expression).raise_for_status().json()
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def names(self) -> set[str]:
        """Names of everything that it has."""
        return set(self._get("/api/v1/label/__name__/values").raise_for_status().json()["data"])

    def firing(self) -> set[str]:
        """Names of the alerts that fire now."""
        return {found["metric"]["alertname"] for found in self.query('ALERTS{alertstate="firing"}')}
