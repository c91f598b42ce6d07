"""`helm test`: which pods it runs, with what, and that network policies let them in and nobody else."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import render_chart as render
from locution_common.settings import read, setting_name
from locution_gateway.selftest.command import CHECKS

from tests.chart.manifests import COMPONENTS, LABEL, Installation, containers, environment, pod

MINIMAL = render.CHART / "ci" / "minimal-values.yaml"
EVERYTHING = render.CHART / "ci" / "everything-values.yaml"
HEALTH = {"port": 50052, "protocol": "TCP"}
GRPC = {"port": 50051, "protocol": "TCP"}


def rendered(changes: dict[str, object] | None = None, values: Path = MINIMAL) -> Installation:
    """Return an installation with changed values."""
    return Installation(values.stem, render.manifests(render.template(values, changes)))


def checks(installation: Installation) -> list[str]:
    """Return the checks that `helm test` runs, in their order."""
    pods = sorted(
        installation.of_kind("Pod"), key=lambda one: int(one["metadata"]["annotations"]["helm.sh/hook-weight"])
    )
    assert {one["metadata"]["annotations"]["helm.sh/hook"] for one in pods} <= {"test"}
    commands = [containers(one)[0]["command"] for one in pods]
    assert all(command[:4] == ["python", "-m", "locution_gateway", "selftest"] for command in commands)
    return [command[4] for command in commands]


def test_every_check_of_the_gateway_has_its_pod() -> None:
    assert checks(Installation.render(EVERYTHING)) == list(CHECKS)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ["health"]),
        ({"secrets.bootstrapKey.existingSecret": "service"}, ["health", "job", "live", "tenants"]),
        ({"tests.operatorKey.existingSecret": "operator"}, ["health", "job", "live", "tenants"]),
        ({"tests.operatorKey.existingSecret": "operator", "live.enabled": False}, ["health", "job", "tenants"]),
        ({"tests.enabled": False}, []),
    ],
)
def test_what_is_checked_follows_from_the_values(changes: dict[str, object], expected: list[str]) -> None:
    assert checks(rendered(changes)) == expected


def test_the_operators_key_of_the_tests_goes_before_the_bootstrap_key() -> None:
    both: dict[str, object] = {
        "tests.operatorKey.existingSecret": "operator",
        "secrets.bootstrapKey.existingSecret": "service",
    }
    for one in rendered(both).of_kind("Pod"):
        (volume,) = [volume for volume in pod(one)["volumes"] if volume["name"] == "secrets"]
        named = [source["secret"]["name"] for source in volume["projected"]["sources"]]
        assert named == ([] if one["metadata"]["name"].endswith("-health") else ["operator"])


@pytest.mark.parametrize("values", [MINIMAL, EVERYTHING], ids=lambda path: path.stem)
def test_the_checks_accept_their_environment(values: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = tmp_path / "key"
    key.write_text("k8f3zw7q-given-q8f3zk7w", encoding="utf-8")
    for one in Installation.render(values).of_kind("Pod"):
        container = containers(one)[0]
        cls, _ = CHECKS[container["command"][4]]
        given = {**environment(container)}
        assert {name.removesuffix("_FILE") for name in given if name.startswith("LOCUTION_")} <= {
            *(setting_name(name) for name in cls.model_fields),
            "LOCUTION_TLS_CA",
        }
        with monkeypatch.context() as patch:
            for name, value in given.items():
                patch.setenv(name, str(key) if name == "LOCUTION_BOOTSTRAP_KEY_FILE" else value)
            assert read(cls).selftest_seconds == 300


def test_health_is_asked_of_every_process() -> None:
    (one,) = rendered().of_kind("Pod")
    given = environment(containers(one)[0])
    host = "locution-{}.locution.svc.cluster.local".format
    assert given["LOCUTION_ADDRESS"] == f"{host('api')}:50051"
    asked = dict(part.split("=") for part in given["LOCUTION_SELFTEST_HEALTH"].split(","))
    assert asked == {name: f"{host(name)}:50052" for name in COMPONENTS if name != "api"}


@pytest.mark.parametrize("component", COMPONENTS)
def test_health_has_a_port_of_its_own_that_probes_and_checks_use(component: str) -> None:
    installation = Installation.render(EVERYTHING)
    main = containers(installation.get("Deployment", component))[-1]
    assert environment(main)["LOCUTION_HEALTH_LISTEN"].endswith(":50052")
    assert {"name": "health", "containerPort": 50052} in main["ports"]
    rules = installation.get("NetworkPolicy", component)["spec"]["ingress"]
    callers = [_names(rule) for rule in rules if HEALTH in rule["ports"]]
    assert callers == ([] if component == "api" else [{"selftest"}])


def _names(rule: dict[str, Any]) -> set[str]:
    selected = (peer["podSelector"]["matchLabels"] for peer in rule["from"] if "podSelector" in peer)
    return {labels[LABEL] for labels in selected}


def test_the_checks_reach_the_api_where_its_callers_are_listed() -> None:
    rules = Installation.render(EVERYTHING).get("NetworkPolicy", "api")["spec"]["ingress"]
    (rule,) = [rule for rule in rules if GRPC in rule["ports"]]
    assert len(rule["from"]) == 2
    assert _names(rule) == {"selftest"}
    without = rendered({"tests.enabled": False}, EVERYTHING).get("NetworkPolicy", "api")["spec"]["ingress"]
    assert [_names(rule) for rule in without if GRPC in rule["ports"]] == [set()]


def test_the_checks_reach_what_they_ask_alone() -> None:
    policy = rendered().get("NetworkPolicy", "selftest")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policy
    reached = {
        rule["ports"][0]["port"]: {peer["podSelector"]["matchLabels"][LABEL] for peer in rule.get("to", [])}
        for rule in policy["egress"]
    }
    assert reached == {53: set(), 50051: {"api"}, 50052: set(COMPONENTS) - {"api"}}


def test_a_check_sees_the_certificate_of_the_api_and_not_its_key() -> None:
    found = rendered(
        {"tls.api.enabled": True, "tls.api.existingSecret": "edge", "tests.serverName": "speech.example.com"}
    )
    for one in found.of_kind("Pod"):
        given = environment(containers(one)[0])
        assert given["LOCUTION_TLS_CA_FILE"] == "/etc/locution/tls/server/tls.crt"
        assert given["LOCUTION_SELFTEST_SERVER_NAME"] == "speech.example.com"
        (volume,) = [volume["secret"] for volume in pod(one)["volumes"] if volume["name"] == "tls-server"]
        assert (volume["secretName"], volume["items"]) == ("edge", [{"key": "tls.crt", "path": "tls.crt"}])


def test_the_package_holds_the_recording_that_is_sent() -> None:
    found = importlib.import_module("locution_gateway.selftest.recording").recording()
    assert (found.rate, found.seconds) == (16_000, 3.0)
