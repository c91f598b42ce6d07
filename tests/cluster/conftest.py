"""The installed release, and the report of what was checked on it."""

from __future__ import annotations

from pathlib import Path

import pytest
from minio import Minio

from tests.cluster import node
from tests.cluster.release import DEFAULTS, MODELS, NAMESPACE, RESTRICTED, Release, apply, forwarded, secret
from tests.cluster.report import Report
from tests.cluster.work import recording, undisturbed, undisturbed_text  # noqa: F401
from tests.e2e.conftest import pcm, sample  # noqa: F401
from tests.support import models

PATIENCE = 1200
"""Seconds that a check may take: images start slowly where all of Kubernetes shares two cores."""


def pytest_configure(config: pytest.Config) -> None:
    """Write the report at the end of a whole run."""
    if node.pid() is not None:
        config.pluginmanager.register(Report())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each check its time."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(PATIENCE))


@pytest.fixture(scope="session", autouse=True)
def _running() -> None:
    if node.pid() is None:
        pytest.skip("no cluster runs: `make test-cluster` starts one")


@pytest.fixture(scope="session")
def bare() -> Release:
    """The release, installed without models in a namespace that enforces restricted pods."""
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": RESTRICTED}}
    apply(space)
    release = Release()
    release.install()
    return release


@pytest.fixture(scope="session")
def release(bare: Release) -> Release:
    """The release with models: put into the bucket, loaded by the chart's Job, registered."""
    with forwarded("locution-s3", 9000) as port:
        client = Minio(
            f"127.0.0.1:{port}", secret("access-key"), secret("secret-key"), secure=False, region="us-east-1"
        )
        for name in MODELS:
            folder = models.model_folder(name)
            for file in sorted(path for path in folder.rglob("*") if path.is_file()):
                client.fput_object("locution", f"models/{name}/{file.relative_to(folder)}", str(file))
    bare.install("--set", "models.load.enabled=true")
    known = bare.locution("models", "list")
    for name in (each for each in MODELS if each not in known):
        bare.locution("models", "register", name, *(["--default"] if name in DEFAULTS else []))
    return bare
