"""What the chart sets is what the services read: their own settings classes accept every container's environment."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

import pytest
from locution_common.settings import Settings, read, setting_name
from locution_common.settings.base import is_secret

from tests.chart.manifests import Installation, containers, environment, pod

PREFIX = "LOCUTION_"
CLASSES = {
    ("locution_gateway", "api"): "locution_gateway.settings:ApiSettings",
    ("locution_gateway", "worker"): "locution_gateway.settings:WorkerSettings",
    ("locution_gateway", "migrate"): "locution_common.settings:MigrateSettings",
    ("locution_gateway", "await-schema"): "locution_common.settings:AwaitSchemaSettings",
    ("locution_registry", "serve"): "locution_registry.settings:RegistrySettings",
    ("locution_registry", "migrate"): "locution_common.settings:MigrateSettings",
    ("locution_registry", "await-schema"): "locution_common.settings:AwaitSchemaSettings",
    ("locution_registry", "load"): "locution_registry.load:LoadSettings",
    ("locution_asr",): "locution_asr.settings:AsrSettings",
    ("locution_diarizer",): "locution_diarizer.settings:DiarizerSettings",
}
MOUNTS = {"/etc/locution/secrets": "secrets"}
SECRETS = {
    "LOCUTION_DATABASE_URL": "postgresql://user:q8f3-zk7w-1@db:5432/locution",
    "LOCUTION_MIGRATION_DATABASE_URL": "postgresql://owner:q8f3-zk7w-1@db:5432/locution",
}


def _ours(installation: Installation) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Return workload, pod and container wherever a container of a Deployment or a Job runs a module of Locution."""
    return [
        (workload["metadata"]["name"], pod(workload), container)
        for workload in [*installation.of_kind("Deployment"), *installation.of_kind("Job")]
        for container in containers(workload)
        if container["command"][:2] == ["python", "-m"]
    ]


def _class(container: dict[str, Any]) -> type[Settings]:
    module, _, name = CLASSES[tuple(container["command"][2:])].partition(":")
    found: type[Settings] = getattr(importlib.import_module(module), name)
    return found


def test_every_setting_is_a_field_of_its_service(installation: Installation) -> None:
    unknown = []
    for component, _, container in _ours(installation):
        fields = _class(container).model_fields
        known = {setting_name(name) + ("_FILE" if is_secret(field) else "") for name, field in fields.items()}
        given = {name for name in environment(container) if name.startswith(PREFIX)}
        unknown += [f"{component}/{container['name']}: {name}" for name in sorted(given - known)]
    assert unknown == []


def test_every_service_accepts_its_environment(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Required settings are given and values are valid; secrets are read from files laid out as the volumes say."""
    for component, spec, container in _ours(installation):
        folder = tmp_path / component / container["name"]
        _mount_secrets(spec, folder)
        with monkeypatch.context() as patch:
            for name in [name for name in os.environ if name.startswith(PREFIX)]:
                patch.delenv(name)
            for name, value in environment(container).items():
                patch.setenv(name, _relocated(value, folder))
            settings = read(_class(container))
        assert settings.secrets(), f"{component}/{container['name']} was given no secret"


def _mount_secrets(spec: dict[str, Any], folder: Path) -> None:
    for mount in MOUNTS.values():
        (folder / mount).mkdir(parents=True)
    for volume in spec["volumes"]:
        sources = volume.get("projected", {}).get("sources", [])
        secrets = [source["secret"] for source in sources] + ([volume["secret"]] if "secret" in volume else [])
        for item in (item for secret in secrets for item in secret.get("items", [])):
            text = SECRETS.get(item["path"], f"a secret of {item['path']}")
            (folder / volume["name"] / item["path"]).write_text(text, encoding="utf-8")


def _relocated(value: str, folder: Path) -> str:
    for mounted, name in MOUNTS.items():
        if value.startswith(mounted):
            return value.replace(mounted, str(folder / name))
    return value


def test_no_secret_is_in_an_environment(installation: Installation) -> None:
    secrets = [str(value) for manifest in installation.of_kind("Secret") for value in manifest["stringData"].values()]
    for workload in installation.workloads():
        for container in containers(workload):
            assert not set(environment(container).values()) & set(secrets)


def test_secrets_that_the_chart_makes_hold_what_it_mounts(installation: Installation) -> None:
    made = {secret["metadata"]["name"]: secret["stringData"] for secret in installation.of_kind("Secret")}
    for workload in installation.workloads():
        for volume in pod(workload)["volumes"]:
            for source in volume.get("projected", {}).get("sources", []):
                secret = source["secret"]
                if secret["name"] in made:
                    assert {item["key"] for item in secret["items"]} <= made[secret["name"]].keys()


def test_engines_report_nothing_to_anyone(installation: Installation) -> None:
    for component in ("asr", "diarizer"):
        given = environment(containers(installation.get("Deployment", component))[-1])
        assert (given["PYANNOTE_METRICS_ENABLED"], given["HF_HUB_OFFLINE"]) == ("0", "1")
