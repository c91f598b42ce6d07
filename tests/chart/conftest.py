"""What the chart's tests share: the rendered manifests of every values file."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "deploy" / "helm"))  # tools and render are scripts beside the chart, not a package

import render  # noqa: E402 - needs the path above

from tests.chart.manifests import Installation  # noqa: E402 - imports render


@pytest.fixture(scope="session", params=render.values_files(), ids=lambda path: path.stem)
def installation(request: pytest.FixtureRequest) -> Installation:
    """Give the manifests of each values file in turn."""
    return Installation.render(request.param)


@pytest.fixture(scope="session")
def production() -> Installation:
    """Give the manifests of the production values."""
    return Installation.render(render.CHART / "values-production.yaml")
