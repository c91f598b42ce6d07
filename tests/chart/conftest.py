"""What the chart's tests share: the rendered manifests of every values file."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# helm_tools, render_chart and images are scripts, not packages.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "deploy" / "helm"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "deploy" / "images"))

import render_chart as render

from tests.chart.manifests import Installation


@pytest.fixture(scope="session", params=render.values_files(), ids=lambda path: path.stem)
def installation(request: pytest.FixtureRequest) -> Installation:
    """Give the manifests of each values file in turn."""
    return Installation.render(request.param)


@pytest.fixture(scope="session")
def production() -> Installation:
    """Give the manifests of the production values."""
    return Installation.render(render.CHART / "values-production.yaml")
