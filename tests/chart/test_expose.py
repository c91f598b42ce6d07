"""Ways from outside to the api, and the schemas of the custom resources that the chart can create."""

from __future__ import annotations

import jsonschema
import pytest
import render_chart as render

from tests.chart.manifests import Installation
from tests.chart.strictly import check

MINIMAL = render.CHART / "ci" / "minimal-values.yaml"
EVERYTHING = Installation.render(render.CHART / "ci" / "everything-values.yaml")
HOSTS: dict[str, object] = {"expose.hosts": ["speech.example.com"]}
ROUTE: dict[str, object] = {"expose.grpcRoute.enabled": True, "expose.grpcRoute.parentRefs": [{"name": "edge"}]}
CHECKED = {"Certificate": 5, "GRPCRoute": 1, "BackendTLSPolicy": 1}
"""Kinds of custom resources of the chart whose definitions are fetched, and how many EVERYTHING has."""


def rendered(changes: dict[str, object]) -> Installation:
    """Return an installation with changed values."""
    return Installation("changed", render.manifests(render.template(MINIMAL, changes)))


def backend(installation: Installation) -> tuple[str, int]:
    """Return name and port of the api's Service, which every way must lead to."""
    service = installation.get("Service", "api")
    (port,) = [each["port"] for each in service["spec"]["ports"] if each["name"] == "grpc"]
    return service["metadata"]["name"], port


def test_nothing_leads_in_by_default() -> None:
    plain = Installation.render(MINIMAL)
    assert [one for kind in ("Ingress", "GRPCRoute", "BackendTLSPolicy") for one in plain.of_kind(kind)] == []
    assert plain.get("Service", "api")["spec"]["type"] == "ClusterIP"


def test_a_route_leads_to_the_api() -> None:
    found = rendered({**HOSTS, **ROUTE, "api.service.port": 443})
    spec = found.get("GRPCRoute", "api")["spec"]
    assert (spec["parentRefs"], spec["hostnames"]) == ([{"name": "edge"}], ["speech.example.com"])
    ((target,),) = [rule["backendRefs"] for rule in spec["rules"]]
    assert (target["name"], target["port"]) == backend(found) == ("locution-api", 443)
    assert found.of_kind("BackendTLSPolicy") == []


def test_a_gateway_checks_the_certificate_of_the_api() -> None:
    sealed = {"tls.api.enabled": True, "tls.api.existingSecret": "edge", "expose.grpcRoute.backendCA": "speech-ca"}
    (policy,) = rendered({**ROUTE, **sealed}).of_kind("BackendTLSPolicy")
    assert policy["spec"]["targetRefs"] == [
        {"group": "", "kind": "Service", "name": "locution-api", "sectionName": "grpc"}
    ]
    assert policy["spec"]["validation"]["hostname"] == "locution-api.locution.svc.cluster.local"


def test_an_ingress_leads_every_name_to_the_api() -> None:
    hosts = ["speech.example.com", "speech.example.org"]
    found = rendered({"expose.hosts": hosts, "expose.ingress.enabled": True, "expose.ingress.tlsSecret": "edge"})
    spec = found.get("Ingress", "api")["spec"]
    assert spec["tls"] == [{"secretName": "edge", "hosts": hosts}]
    assert [rule["host"] for rule in spec["rules"]] == hosts
    for rule in spec["rules"]:
        ((path,),) = [rule["http"]["paths"]]
        service = path["backend"]["service"]
        assert (path["path"], path["pathType"]) == ("/", "Prefix")
        assert (service["name"], service["port"]["number"]) == backend(found)


def test_a_load_balancer_takes_the_addresses_that_it_is_told() -> None:
    changes: dict[str, object] = {
        "api.service.type": "LoadBalancer",
        "api.service.loadBalancerSourceRanges": ["192.0.2.0/24"],
    }
    spec = rendered(changes).get("Service", "api")["spec"]
    assert (spec["type"], spec["loadBalancerSourceRanges"]) == ("LoadBalancer", ["192.0.2.0/24"])


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"expose.grpcRoute.enabled": True}, "expose.grpcRoute.parentRefs: name the Gateway"),
        ({"expose.ingress.enabled": True}, "expose.hosts: an Ingress needs the names"),
        (
            {
                "expose.grpcRoute.enabled": True,
                "expose.grpcRoute.parentRefs": [{"name": "edge"}],
                "expose.grpcRoute.backendCA": "authority",
            },
            "expose.grpcRoute.backendCA: is for tls.api.enabled",
        ),
        ({"tests.serverName": "speech.example.com"}, "tests.serverName: is for tls.api.enabled"),
    ],
)
def test_what_is_missing_or_without_effect_is_named(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(render.HelmError, match=complaint):
        render.template(MINIMAL, changes)


@pytest.mark.parametrize("kind", CHECKED)
def test_custom_resources_are_what_their_definitions_allow(kind: str) -> None:
    found = EVERYTHING.of_kind(kind)
    assert len(found) == CHECKED[kind]
    for manifest in found:
        check(manifest)
        with pytest.raises(jsonschema.ValidationError):
            check({**manifest, "spec": {**manifest["spec"], "colour": "blue"}})
