"""TLS by value: which certificate each process serves, shows and trusts, and whose names the certificates have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import render_chart as render

from tests.chart.manifests import COMPONENTS, Installation, containers, environment, pod

MINIMAL = render.CHART / "ci" / "minimal-values.yaml"
SERVER, INTERNAL = "/etc/locution/tls/server", "/etc/locution/tls/internal"
EDGE: dict[str, object] = {"tls.api.enabled": True, "tls.api.existingSecret": "edge"}
INSIDE: dict[str, object] = {"tls.internal.enabled": True, "tls.internal.issuer.name": "speech-ca"}
PREFIX = "LOCUTION_TLS_"


def rendered(changes: dict[str, object], values: Path = MINIMAL) -> Installation:
    """Return an installation with changed values."""
    return Installation(values.stem, render.manifests(render.template(values, changes)))


def tls_of(installation: Installation, component: str) -> dict[str, str]:
    """Return the TLS settings of a component without their prefix."""
    given = environment(containers(installation.get("Deployment", component))[-1])
    return {name.removeprefix(PREFIX): value for name, value in given.items() if name.startswith(PREFIX)}


def secrets_of(installation: Installation, component: str) -> dict[str, str]:
    """Return the Secrets of a component's certificates by the folder in which they are mounted."""
    spec = pod(installation.get("Deployment", component))
    held = {volume["name"]: volume["secret"]["secretName"] for volume in spec["volumes"] if "secret" in volume}
    mounts = spec["containers"][0]["volumeMounts"]
    return {mount["mountPath"]: held[mount["name"]] for mount in mounts if mount["name"].startswith("tls-")}


def names_of(installation: Installation, secret: str) -> list[str]:
    """Return the names in the certificate that cert-manager writes to a Secret."""
    (found,) = [one["spec"] for one in installation.of_kind("Certificate") if one["spec"]["secretName"] == secret]
    names: list[str] = found["dnsNames"]
    return names


def test_there_is_none_by_default() -> None:
    plain = Installation.render(MINIMAL)
    assert plain.of_kind("Certificate") == []
    for component in COMPONENTS:
        assert tls_of(plain, component) == {}
        assert secrets_of(plain, component) == {}


def test_the_api_alone_has_the_certificate_of_the_edge() -> None:
    found = rendered(EDGE)
    assert tls_of(found, "api") == {"CERT_FILE": f"{SERVER}/tls.crt", "KEY_FILE": f"{SERVER}/tls.key"}
    assert secrets_of(found, "api") == {SERVER: "edge"}
    assert [tls_of(found, name) for name in COMPONENTS if name != "api"] == [{}] * 4
    assert found.of_kind("Certificate") == []


SERVED = {
    "CERT_FILE": f"{INTERNAL}/tls.crt",
    "KEY_FILE": f"{INTERNAL}/tls.key",
    "CLIENT_CA_FILE": f"{INTERNAL}/ca.crt",
}
SHOWN = {
    "CA_FILE": f"{INTERNAL}/ca.crt",
    "CLIENT_CERT_FILE": f"{INTERNAL}/tls.crt",
    "CLIENT_KEY_FILE": f"{INTERNAL}/tls.key",
}


@pytest.mark.parametrize(
    ("component", "expected"),
    [
        ("api", SHOWN),
        ("worker", SERVED | SHOWN),
        ("registry", SERVED),
        ("asr", SERVED | SHOWN),
        ("diarizer", SERVED | SHOWN),
    ],
)
def test_inside_each_service_checks_its_callers_and_shows_itself(component: str, expected: dict[str, str]) -> None:
    found = rendered(INSIDE)
    assert tls_of(found, component) == expected
    assert secrets_of(found, component) == {INTERNAL: f"locution-{component}-tls"}


def test_both_together_leave_the_clients_certificate_out_of_the_inside() -> None:
    found = rendered({**EDGE, **INSIDE})
    edge = {"CERT_FILE": f"{SERVER}/tls.crt", "KEY_FILE": f"{SERVER}/tls.key"}
    assert tls_of(found, "api") == edge | SHOWN, "clients of the API need no certificate"
    assert secrets_of(found, "api") == {SERVER: "edge", INTERNAL: "locution-api-tls"}


@pytest.mark.parametrize("component", [name for name in COMPONENTS if name != "api"])
def test_an_internal_certificate_has_the_name_by_which_callers_check_it(component: str) -> None:
    """A channel checks the first name of an address."""
    found = rendered(INSIDE)
    names = names_of(found, f"locution-{component}-tls")
    assert names == [f"locution-{component}.locution.svc.cluster.local"]
    setting = f"LOCUTION_{component.upper()}_ADDRESS"
    given = [environment(containers(found.get("Deployment", name))[-1]).get(setting) for name in COMPONENTS]
    assert {address.split(":")[0] for address in given if address} <= set(names)


def test_the_certificate_of_the_edge_has_the_names_of_the_service_and_of_clients() -> None:
    changes = {"tls.api.enabled": True, "tls.api.issuer.name": "public", "expose.hosts": ["speech.example.com"]}
    found = rendered({**changes, "tls.api.dnsNames": ["speech.internal"]})
    names = names_of(found, "locution-server-tls")
    assert names[0] == "locution-api.locution.svc.cluster.local"
    assert names[-2:] == ["speech.example.com", "speech.internal"]


def test_existing_secrets_replace_those_of_cert_manager() -> None:
    every = {f"tls.internal.existingSecrets.{name}": f"{name}-pki" for name in COMPONENTS}
    found = rendered({"tls.internal.enabled": True, **every})
    assert found.of_kind("Certificate") == []
    assert [secrets_of(found, name) for name in COMPONENTS] == [{INTERNAL: f"{name}-pki"} for name in COMPONENTS]


@pytest.mark.parametrize("kind", ["api", "internal"])
def test_an_issuer_that_is_missing_is_named(kind: str) -> None:
    with pytest.raises(render.HelmError, match=rf"tls\.{kind}\.issuer\.name: set it, or an existing Secret"):
        render.template(MINIMAL, {f"tls.{kind}.enabled": True})


@pytest.mark.parametrize("component", COMPONENTS)
def test_services_say_what_their_port_speaks(component: str) -> None:
    def spoken(changes: dict[str, object]) -> Any:
        (port,) = [
            each for each in rendered(changes).get("Service", component)["spec"]["ports"] if each["name"] == "grpc"
        ]
        return port["appProtocol"]

    assert spoken({}) == "kubernetes.io/h2c"
    assert spoken(EDGE) == ("https" if component == "api" else "kubernetes.io/h2c")
    assert spoken(INSIDE) == ("kubernetes.io/h2c" if component == "api" else "https")
    by_hand = {"LOCUTION_TLS_CERT_FILE": "/etc/own/tls.crt", "LOCUTION_TLS_KEY_FILE": "/etc/own/tls.key"}
    assert spoken({f"{component}.settings": by_hand}) == "https"


def test_jobs_have_no_certificates() -> None:
    found = rendered({**INSIDE, "models.load.enabled": True})
    assert found.of_kind("Job")
    for job in found.of_kind("Job"):
        assert [volume for volume in pod(job)["volumes"] if volume["name"].startswith("tls-")] == []
