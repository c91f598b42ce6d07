"""Who may call whom: exactly those that were given an address, and by names that DNS answers with every pod."""

from __future__ import annotations

from typing import Any

import pytest
import render_chart as render

from tests.chart.manifests import COMPONENTS, ENGINES, LABEL, Installation, containers, environment

GRPC = {"port": 50051, "protocol": "TCP"}
INTERNAL = ("registry", *ENGINES)


WITHOUT_POLICIES = "evaluation-values"
PRODUCTION = render.CHART / "values-production.yaml"
KEY = {"existingSecret": "s3"}


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


@pytest.mark.parametrize("component", COMPONENTS)
def test_pods_reach_those_alone_whose_addresses_they_have(component: str, policed: Installation) -> None:
    policy = policed.get("NetworkPolicy", component)
    called = set(_addresses(policed, component))
    rules = _rules(policy, GRPC, "egress")
    assert {name for rule in rules for name in _peers(rule, "to")} == called
    assert len(rules) == bool(called)


def test_every_policy_restricts_egress_by_port(policed: Installation) -> None:
    for policy in policed.of_kind("NetworkPolicy"):
        assert set(policy["spec"]["policyTypes"]) == {"Ingress", "Egress"}
        assert all(rule["ports"] for rule in policy["spec"].get("egress", []))


def _egress(values: dict[str, Any], component: str) -> list[dict[str, Any]]:
    found = Installation("chosen", render.manifests(render.template(PRODUCTION, values)))
    rules: list[dict[str, Any]] = found.get("NetworkPolicy", component)["spec"]["egress"]
    return rules


def test_stores_are_reached_by_their_users_alone(production: Installation) -> None:
    for component in COMPONENTS:
        rules = production.get("NetworkPolicy", component)["spec"]["egress"]
        open_ports = {port["port"] for rule in rules if "to" not in rule for port in rule["ports"]} - {53}
        assert open_ports == {"api": {5432, 443}, "worker": {5432, 443}, "registry": {5432}}.get(component, set())
    jobs = {name: production.get("NetworkPolicy", name) for name in ("migrate-gateway", "migrate-registry")}
    for policy in jobs.values():
        assert [rule["ports"][0]["port"] for rule in policy["spec"]["egress"] if "to" not in rule] == [53, 5432]


@pytest.mark.parametrize(
    ("values", "ports"),
    [
        ({"s3": {"endpoint": "s3.example.com:9000", "accessKey": KEY, "secretKey": KEY}}, {5432, 9000}),
        (
            {"networkPolicy": {"postgres": [{"ports": [{"port": 6432}]}], "s3": [{"ports": [{"port": 9001}]}]}},
            {6432, 9001},
        ),
    ],
)
def test_the_way_to_a_store_follows_its_values(values: dict[str, Any], ports: set[int]) -> None:
    rules = [rule for rule in _egress(values, "api") if "to" not in rule]
    assert {port["port"] for rule in rules for port in rule["ports"]} - {53} == ports


@pytest.mark.parametrize(("component", "value"), [("worker", "webhooks"), ("api", "issuers")])
def test_webhooks_and_issuers_are_reached_at_public_addresses(
    component: str, value: str, production: Installation
) -> None:
    (rule,) = _to_addresses(production.get("NetworkPolicy", component)["spec"]["egress"])
    assert rule["ports"] == [{"port": 443, "protocol": "TCP"}]
    assert {"10.0.0.0/8", "169.254.0.0/16", "192.168.0.0/16"} <= set(rule["to"][1]["ipBlock"]["except"])
    assert _to_addresses(_egress({"networkPolicy": {value: []}}, component)) == []


def test_nobody_else_reaches_addresses(production: Installation) -> None:
    for policy in production.of_kind("NetworkPolicy"):
        if policy["metadata"]["labels"][LABEL] not in ("api", "worker"):
            assert _to_addresses(policy["spec"].get("egress", [])) == []


def _to_addresses(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [rule for rule in rules if "ipBlock" in str(rule)]


def test_egress_can_be_left_open() -> None:
    found = Installation(
        "open", render.manifests(render.template(PRODUCTION, {"networkPolicy": {"restrictEgress": False}}))
    )
    for component in COMPONENTS:
        assert found.get("NetworkPolicy", component)["spec"]["policyTypes"] == ["Ingress"]


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
