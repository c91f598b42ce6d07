from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.media.table import Results


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --media-report: where the table goes."""
    parser.addoption("--media-report", default="", help="file that the table of `make test-media` is written to")


@pytest.fixture(scope="session")
def results(request: pytest.FixtureRequest) -> Iterator[Results]:
    """Collect the results of all rows, and write their table."""
    found = Results()
    yield found
    path = str(request.config.getoption("--media-report"))
    if path and found.complete:
        Path(path).write_text(found.page(), encoding="utf-8")
