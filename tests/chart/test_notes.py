"""The notes after an installation tell the next command, with the names that this installation has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import render_chart as render

MINIMAL = render.CHART / "ci" / "minimal-values.yaml"
EVALUATION = render.CHART / "values-evaluation.yaml"
PRODUCTION = render.CHART / "values-production.yaml"


def notes(values: Path, *settings: str) -> str:
    """Return what `helm install` would print."""
    given = [argument for setting in settings for argument in ("--set", setting)]
    arguments = ["install", render.RELEASE, str(render.CHART), "--namespace", "speech", "--values", str(values)]
    printed = render.helm(*arguments, *given, "--dry-run=client", "--hide-secret")
    return printed.partition("\nNOTES:\n")[2]


def commands(text: str) -> list[str]:
    """Return the commands of the notes."""
    return [line.strip() for line in text.splitlines() if line.startswith("     ")]


def test_commands_name_the_namespace_the_service_and_the_key() -> None:
    found = commands(notes(PRODUCTION, "api.service.port=443", "fullnameOverride=talk"))
    assert found == [
        "kubectl --namespace speech get pods --selector app.kubernetes.io/instance=locution --watch",
        "LOCUTION_API_KEY=$(kubectl --namespace speech get secret locution-service --output"
        " jsonpath='{.data.bootstrap-key}' | base64 --decode)",
        "kubectl --namespace speech port-forward service/talk-api 50051:443",
        "LOCUTION_ADDRESS=127.0.0.1:50051 LOCUTION_API_KEY=$LOCUTION_API_KEY locution models register <set>/<model>",
        "helm test locution --namespace speech --logs --timeout 24m",
        "LOCUTION_ADDRESS=127.0.0.1:50051 LOCUTION_API_KEY=$LOCUTION_API_KEY locution transcribe FILE",
    ]


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ((), "127.0.0.1:50051"),
        (("tls.api.enabled=true", "tls.api.existingSecret=edge"), "https://NAME-IN-THE-CERTIFICATE:50051"),
        (
            ("tls.api.enabled=true", "tls.api.issuer.name=public", "expose.hosts={speech.example.com}"),
            "https://speech.example.com:50051",
        ),
        (
            ("tls.api.enabled=true", "tls.api.issuer.name=public"),
            "https://locution-api.speech.svc.cluster.local:50051",
        ),
    ],
)
def test_the_address_has_a_name_of_the_certificate(settings: tuple[str, ...], address: str) -> None:
    found = [command for command in commands(notes(MINIMAL, *settings)) if command.startswith("LOCUTION_ADDRESS=")]
    assert [command.split()[0] for command in found] == [f"LOCUTION_ADDRESS={address}"] * 2


@pytest.mark.parametrize(
    ("values", "settings", "checked"),
    [
        (EVALUATION, [], "the health of every process, a job, a live stream, a foreign tenant."),
        (EVALUATION, ["live.enabled=false"], "the health of every process, a job, a foreign tenant."),
        (MINIMAL, [], "the health of every process (tests.operatorKey or secrets.bootstrapKey adds"),
        (MINIMAL, ["tests.enabled=false"], None),
    ],
)
def test_the_notes_say_what_is_checked(values: Path, settings: list[str], checked: Any) -> None:
    text = notes(values, *settings)
    assert ("3. Check the installation: " in text) is (checked is not None)
    assert checked is None or f"3. Check the installation: {checked}" in text
    assert ("4. Transcribe:" if checked else "3. Transcribe:") in text


def test_evaluation_copies_are_warned_of() -> None:
    assert "EVALUATION ONLY" in notes(EVALUATION)
    assert "EVALUATION ONLY" not in notes(PRODUCTION)
