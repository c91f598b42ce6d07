"""Options that all tests share."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --target: an installation to run the e2e tests against."""
    parser.addoption("--target", default="", help="host:port of an installation to run the e2e tests against")
