"""One cluster for all fault tests, and the report of what they did to it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import pytest

from tests.chaos import report
from tests.chaos.cluster import MODELS, Cluster
from tests.chaos.rounds import Chaos
from tests.support.models import model_folder


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --report: where the long form's report goes."""
    parser.addoption("--report", default="", help="file that the report of the fault tests is written to")


@pytest.fixture(scope="session")
def kills() -> int:
    """How many kills are wanted: the short form's few, or LOCUTION_CHAOS_KILLS."""
    return int(os.environ.get("LOCUTION_CHAOS_KILLS", "0"))


@pytest.fixture(scope="session")
def chaos(request: pytest.FixtureRequest) -> Iterator[Chaos]:
    """The system under test, run once undisturbed."""
    for name in MODELS:
        model_folder(name)
    cluster = Cluster()
    chaos = Chaos(cluster)
    try:
        asyncio.run(chaos.undisturbed())
        yield chaos
    finally:
        report.write(chaos, str(request.config.getoption("--report")))
        cluster.close()
