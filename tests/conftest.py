"""What all tests share: options, expected skips, and the keeping of logs and of the fields that responses carried."""

from __future__ import annotations

import logging

import pytest

from tests.support import canaries, filled, skips

SERVICES = ("locution", "locution_common", "locution_gateway", "locution_registry", "locution_asr", "locution_diarizer")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --target: an installation to run the e2e tests against."""
    parser.addoption("--target", default="", help="host:port of an installation to run the e2e tests against")


def pytest_configure(config: pytest.Config) -> None:
    """Check skips, and keep what services inside of this process log and answer, where the run's logs are kept."""
    config.pluginmanager.register(skips.Check(skips.listed()))
    filled.record()
    handler = canaries.handler()
    if handler is not None:
        logging.getLogger().addHandler(handler)
        for service in SERVICES:
            logging.getLogger(service).setLevel(logging.INFO)
        config.add_cleanup(handler.close)
