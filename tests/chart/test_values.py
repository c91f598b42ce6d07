"""The values teach and bind: every key is explained, read by a template, and no other key is accepted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import render_chart as render
import values_page
import yaml

EVERYTHING = render.CHART / "ci" / "everything-values.yaml"
EVALUATION = render.CHART / "ci" / "evaluation-values.yaml"
MINIMAL = render.CHART / "ci" / "minimal-values.yaml"
POOLED = render.CHART / "ci" / "pools-values.yaml"
# The base on which a key's change shows, where that is neither EVERYTHING nor MINIMAL.
OTHER_BASE = {
    "defaults.autoscaling.keda.": POOLED,
    "evaluation.": EVALUATION,
    "secrets.serviceToken.value": EVALUATION,
    "secrets.developmentKey.value": EVALUATION,
    "s3.accessKey.value": EVALUATION,
    "s3.secretKey.value": EVALUATION,
}
SAMPLES = {"affinity": {"nodeAffinity": {}}, "resources": {"limits": {"ephemeral-storage": "9Gi"}}}


def _values() -> dict[str, Any]:
    values = yaml.safe_load((render.CHART / "values.yaml").read_text(encoding="utf-8"))
    assert isinstance(values, dict)
    return values


def _leaves(values: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and value and key not in ("resources", "settings"):
            yield from _leaves(value, f"{path}{key}.")
        else:
            yield path + key, value


def _changed(path: str, value: Any) -> Any:
    """Return another value of the same kind."""
    key = path.rpartition(".")[2]
    if key in SAMPLES:
        return SAMPLES[key]
    match value:
        case bool():
            return not value
        case int():
            return value + 7
        case dict():
            return {"LOCUTION_DEFAULT_DEADLINE" if key == "settings" else "CHANGED": "31"}
        case list():
            return [{"changed": "yes"}]
        case _:
            return f"{value}changed"


@cache
def _rendered(base: Path) -> str:
    return render.template(base)


def _base(path: str) -> Path:
    return next((base for prefix, base in OTHER_BASE.items() if path.startswith(prefix)), EVERYTHING)


def _shows(path: str, value: Any, base: Path) -> bool:
    """Tell whether changing a key changes the manifests; a refusal by a template shows too."""
    try:
        return render.template(base, {path: value}, checked=False) != _rendered(base)
    except render.HelmError:
        return True


@pytest.mark.parametrize(
    ("path", "value"), list(_leaves(_values())), ids=lambda item: item if isinstance(item, str) else ""
)
def test_every_key_is_read(path: str, value: Any) -> None:
    base = _base(path)
    changed = _changed(path, _at(yaml.safe_load(base.read_text(encoding="utf-8")), path, value))
    if path.startswith("postgres.") and path.endswith(".value"):
        secret = path.removesuffix("value") + "existingSecret"
        one, two = (render.template(MINIMAL, {secret: "", path: f"postgresql://{host}"}) for host in ("one", "two"))
        assert one != two
    else:
        assert _shows(path, changed, base) or _shows(path, changed, MINIMAL)


def _at(values: dict[str, Any], path: str, otherwise: Any) -> Any:
    for key in path.split("."):
        if not isinstance(values, dict) or key not in values:
            return otherwise
        values = values[key]
    return values


def test_every_key_is_explained() -> None:
    lines = (render.CHART / "values.yaml").read_text(encoding="utf-8").splitlines()
    keys = [number for number, line in enumerate(lines) if line.lstrip()[:1].isalpha() and ":" in line]
    assert len(keys) > 100
    inside = {"requests", "limits", "LOCUTION_ASR_DEVICE", "LOCUTION_DIARIZER_DEVICE"}  # of Kubernetes, of a service
    unexplained = [
        lines[number]
        for number in keys
        if not lines[number - 1].lstrip().startswith("#") and lines[number].split(":")[0].strip() not in inside
    ]
    assert unexplained == []


def _paths(values: Any, prefix: str = "") -> Iterator[str]:
    for key, value in values.items():
        yield f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _paths(value, f"{prefix}{key}.")


def test_the_reference_lists_every_key_once() -> None:
    listed = [value.path for value in values_page.values()]
    assert len(listed) == len(set(listed))
    values = yaml.safe_load(values_page.VALUES.read_text(encoding="utf-8"))
    inside = re.compile(r"\.(resources|settings|labels)\..*")
    assert {path for path in _paths(values) if not inside.search(path)} - set(listed) == set()


def test_the_reference_is_current() -> None:
    assert values_page.PAGE.read_text(encoding="utf-8") == values_page.page(), "run `make docs`"


def _objects(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if "properties" in schema and schema.get("type") == "object":
            yield schema
        for value in schema.values():
            yield from _objects(value)


def test_the_schema_is_closed() -> None:
    schema = json.loads((render.CHART / "values.schema.json").read_text(encoding="utf-8"))
    objects = list(_objects(schema))
    assert len(objects) > 30
    assert all(each["additionalProperties"] is False for each in objects)


@pytest.mark.parametrize(
    "path",
    ["colour", "image.tags", "asr.gpus", "defaults.probes.liveness.period", "evaluation.s3.bucket", "asr.image.tag"],
)
def test_an_unknown_key_is_refused(path: str) -> None:
    with pytest.raises(render.HelmError, match=r"additional properties|additionalProperties"):
        render.template(MINIMAL, {path: "x"})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("logLevel", "LOUD"),
        ("api.replicas", -1),
        ("podSecurity.runAsUser", 0),
        ("secrets.serviceToken.value", "short"),
        ("s3.endpoint", "https://s3.example.com"),
        ("asr.settings", {"ASR_DEVICE": "cuda"}),
        ("secrets.sessionKey.value", "shorter-than-32-characters"),
        ("asr.settings", {"LOCUTION_ASR_DEVICE": "tpu"}),
        ("asr.settings", {"LOCUTION_LIVE_STREAMS": "5"}),
        ("api.settings", {"LOCUTION_LIVE_STREAM": "5"}),
        ("api.settings", {"LOCUTION_SESSION_KEY": "in-an-environment-everybody-reads-it"}),
        ("defaults.settings", {"LOCUTION_LIVE_STREAMS": "5"}),
        ("extraEnv", {"LOCUTION_LOG_LEVEL": "DEBUG"}),
        ("telemetry.sampler", "sometimes"),
    ],
)
def test_an_invalid_value_is_refused(path: str, value: object) -> None:
    with pytest.raises(render.HelmError, match=r"values don't meet the specifications"):
        render.template(MINIMAL, {path: value})


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("secrets.serviceToken.existingSecret", "secrets.serviceToken: set existingSecret"),
        ("postgres.gateway.existingSecret", "postgres.gateway: set existingSecret"),
        ("postgres.worker.existingSecret", "postgres.worker: set existingSecret"),
        ("postgres.registry.existingSecret", "postgres.registry: set existingSecret"),
        ("s3.accessKey.existingSecret", "s3.accessKey: set existingSecret"),
        ("s3.endpoint", "s3.endpoint: set host:port"),
    ],
)
def test_what_is_missing_is_named(path: str, complaint: str) -> None:
    with pytest.raises(render.HelmError, match=complaint):
        render.template(MINIMAL, {path: ""})


@pytest.mark.parametrize("name", ["LOCUTION_LISTEN", "LOCUTION_SHUTDOWN_GRACE", "LOCUTION_REGISTRY_ADDRESS"])
def test_a_setting_that_the_chart_decides_is_refused(name: str) -> None:
    with pytest.raises(render.HelmError, match="the chart sets this itself"):
        render.template(MINIMAL, {"asr.settings": {name: "x"}})


def test_a_component_overrides_the_defaults_key_by_key() -> None:
    changes = {
        "defaults.shutdown.graceSeconds": 33,
        "asr.shutdown.graceSeconds": 44,
        "defaults.shutdown.delaySeconds": 3,
    }
    found = {
        one["metadata"]["name"]: one["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        for one in render.manifests(render.template(MINIMAL, changes))
        if one["kind"] == "Deployment"
    }
    assert (found["locution-api"], found["locution-asr"]) == (3 + 2 * 33 + 15, 3 + 2 * 44 + 15)


def test_passwords_survive_being_part_of_a_url() -> None:
    (secret,) = [one for one in render.manifests(_rendered(EVALUATION)) if one["kind"] == "Secret"]
    assert "locution_api:p%40ss%2Fword@locution-postgres" in secret["stringData"]["gateway-url"]
