"""The pinned versions fit together, and none goes out of support soon."""

from datetime import date, timedelta

import pytest

from infra import versions
from infra.cluster import ClusterSettings

A_DAY = date(2026, 11, 21)


def test_the_pinned_versions_fit_together_and_are_supported() -> None:
    assert versions.faults(A_DAY) == []


def test_the_settings_offer_the_pinned_kubernetes() -> None:
    assert ClusterSettings.model_fields["version"].default == versions.KUBERNETES


@pytest.mark.parametrize(
    ("name", "version", "ends"),
    [
        ("Kubernetes", versions.KUBERNETES, versions.KUBERNETES_SUPPORTED_UNTIL),
        ("PostgreSQL", versions.POSTGRESQL, versions.POSTGRESQL_SUPPORTED_UNTIL),
    ],
)
def test_ninety_days_before_its_support_ends_a_version_is_told(name: str, version: str, ends: dict[str, date]) -> None:
    end = ends[version]
    expected = f"{name} {version}: standard support ends on {end}, within 90 days; upgrade"
    assert expected not in versions.faults(end - timedelta(days=91))
    assert expected in versions.faults(end - timedelta(days=90))
    assert expected in versions.faults(end + timedelta(days=1))


@pytest.mark.parametrize("version", ["v1.35.1-eksbuild.1", "v1.37.0-eksbuild.1"])
def test_kube_proxy_of_another_minor_version_is_told(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(versions.ADD_ONS, "kube-proxy", version)
    assert versions.faults(A_DAY) == [f"add-on kube-proxy: {version} is not of Kubernetes 1.36; take v1.36.x"]


def test_an_autoscaler_of_another_minor_version_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "CLUSTER_AUTOSCALER_IMAGE", "v1.35.1")
    [fault] = versions.faults(A_DAY)
    assert fault == "image of the cluster autoscaler: v1.35.1 is not of Kubernetes 1.36; take v1.36.x"


def test_a_network_plugin_that_is_too_old_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(versions.ADD_ONS, "vpc-cni", "v1.21.9-eksbuild.1")
    [fault] = versions.faults(A_DAY)
    assert fault.endswith("is older than Kubernetes 1.36 needs; at least v1.22")


def test_a_version_that_is_not_eks_own_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(versions.ADD_ONS, "coredns", "1.14.7")
    [fault] = versions.faults(A_DAY)
    assert fault == "add-on coredns: 1.14.7 is no version of EKS, such as v1.2.3-eksbuild.4"


def test_a_new_kubernetes_without_its_dates_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "KUBERNETES", "1.38")
    told = versions.faults(A_DAY)
    assert "Kubernetes 1.38: the table of ends of support has no entry for it; look it up" in told
    assert any("OLDEST_VPC_CNI has no entry for Kubernetes 1.38" in fault for fault in told)
