"""Who may call whom: exactly those that were given an address, and by names that DNS answers with every pod."""

from __future__ import annotations

from typing import Any

import pytest
import render_chart as render

from tests.chart.manifests import COMPONENTS, ENGINES, LABEL, Installation, containers, environment

GRPC = {"port": 50051, "protocol": "TCP"}
INTERNAL = ("registry", *ENGINES)


WITHOUT_POLICIES = "evaluation-values"


@pytest.fixture(
    params=[path for path in render.values_files() if path.stem != WITHOUT_POLICIES], ids=lambda path: path.stem
)
def policed(request: pytest.FixtureRequest) -> Installation:
    """Give each installation that has policies."""
    return Installation.render(request.param)


def test_policies_can_be_left_out() -> None:
    without = Installation.render(render.CHART / "ci" / f"{WITHOUT_POLICIES}.yaml")
    assert without.of_kind("NetworkPolicy") == []


def _addresses(installation: Installation, component: str) -> dict[str, str]:
    """Return the addresses that a component is given, by the component they lead to."""
    given = environment(containers(installation.get("Deployment", component))[-1])
    return {name: given[setting] for name in INTERNAL if (setting := f"LOCUTION_{name.upper()}_ADDRESS") in given}


def _rules(policy: dict[str, Any], port: dict[str, Any], way: str = "ingress") -> list[dict[str, Any]]:
    return [rule for rule in policy["spec"].get(way, []) if port in rule.get("ports", [])]


def _peers(rule: dict[str, Any], way: str = "from") -> set[str]:
    return {peer["podSelector"]["matchLabels"][LABEL] for peer in rule[way]}


@pytest.mark.parametrize("component", INTERNAL)
def test_internal_services_take_calls_from_their_callers_alone(component: str, policed: Installation) -> None:
    callers = {name for name in COMPONENTS if component in _addresses(policed, name)}
    assert callers
    (rule,) = _rules(policed.get("NetworkPolicy", component), GRPC)
    assert _peers(rule) == callers


@pytest.mark.parametrize("component", ENGINES)
def test_engines_are_called_by_the_gateway_alone(component: str, policed: Installation) -> None:
    (rule,) = _rules(policed.get("NetworkPolicy", component), GRPC)
    assert _peers(rule) <= {"api", "worker"}


@pytest.mark.parametrize("component", ENGINES)
def test_engines_reach_the_registry_and_dns_alone(component: str, policed: Installation) -> None:
    policy = policed.get("NetworkPolicy", component)
    assert set(policy["spec"]["policyTypes"]) == {"Ingress", "Egress"}
    (rule,) = _rules(policy, GRPC, "egress")
    assert _peers(rule, "to") == {"registry"}
    assert all("ports" in rule for rule in policy["spec"]["egress"])


def test_the_worker_takes_no_calls(policed: Installation) -> None:
    assert _rules(policed.get("NetworkPolicy", "worker"), GRPC) == []


def test_stores_inside_the_chart_are_closed_to_engines(policed: Installation) -> None:
    for component, port in (("postgres", 5432), ("s3", 9000)):
        policy = policed.find("NetworkPolicy", component)
        if policy is not None:
            (rule,) = _rules(policy, {"port": port, "protocol": "TCP"})
            assert not _peers(rule) & set(ENGINES)


@pytest.mark.parametrize("component", COMPONENTS)
def test_round_robin_sees_every_pod_and_a_name_is_always_there(component: str, installation: Installation) -> None:
    for target, address in _addresses(installation, component).items():
        every, ready = (installation.get("Service", name) for name in (target, f"{target}-ready"))
        hosts = [f"{each['metadata']['name']}.{each['metadata']['namespace']}" for each in (every, ready)]
        assert address == ";".join(f"{host}.svc.cluster.local:50051" for host in hosts)
        assert every["spec"]["clusterIP"] == "None", "without a headless service DNS answers one address for all pods"
        assert "clusterIP" not in ready["spec"], "a headless service without ready pods has no name"
        assert every["spec"]["selector"] == ready["spec"]["selector"]
        for service in (every, ready):
            assert 50051 in {port["port"] for port in service["spec"]["ports"]}


@pytest.mark.parametrize("component", COMPONENTS)
def test_full_names_are_looked_up_once(component: str, installation: Installation) -> None:
    pod = installation.get("Deployment", component)["spec"]["template"]["spec"]
    assert pod["dnsConfig"]["options"] == [{"name": "ndots", "value": "3"}]


def test_clients_reach_the_api_by_one_address(installation: Installation) -> None:
    assert "clusterIP" not in installation.get("Service", "api")["spec"]


def test_monitors_find_the_metrics_ports(production: Installation) -> None:
    (monitor,) = production.of_kind("ServiceMonitor")
    selector = monitor["spec"]["selector"]["matchLabels"]
    (endpoint,) = monitor["spec"]["endpoints"]
    for component in COMPONENTS:
        service = production.get("Service", component)
        assert selector.items() <= service["metadata"]["labels"].items()
        assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
