"""The installed release, and the report of what was checked on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster import node
from tests.cluster.home import ROOT
from tests.cluster.release import Release
from tests.cluster.report import CHECKS, CURES, Report
from tests.cluster.work import recording, undisturbed, undisturbed_text  # noqa: F401
from tests.e2e.conftest import pcm, sample  # noqa: F401

PATIENCE = 1200
"""Seconds that a check may take: images start slowly where all of Kubernetes shares two cores."""


def pytest_configure(config: pytest.Config) -> None:
    """Write the report at the end of a whole run."""
    if node.pid() is None or any("::" in argument for argument in config.args):
        return
    cures = any(Path(argument.partition("::")[0]).name == "cures.py" for argument in config.args)
    report = Report(ROOT / "docs/cures-report.md", CURES) if cures else Report(ROOT / "docs/cluster-report.md", CHECKS)
    config.pluginmanager.register(report)


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
    release = Release()
    release.create()
    return release


@pytest.fixture(scope="session")
def release(bare: Release) -> Release:
    """The release with models: put into the bucket, loaded by the chart's Job, registered."""
    bare.provide_models()
    return bare
