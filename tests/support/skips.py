"""Compare skips with the committed list tests/skips.toml: a test that skips for a reason not listed there fails."""

from __future__ import annotations

import tomllib
from collections.abc import Generator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

import pytest

LIST: Final = Path(__file__).parents[1] / "skips.toml"

Expected: TypeAlias = Mapping[str, Sequence[str]]
"""Patterns of the reasons for which tests may skip, by the path of their file or folder."""
Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def listed() -> dict[str, list[str]]:
    """Return the committed list."""
    found: dict[str, list[str]] = tomllib.loads(LIST.read_text(encoding="utf-8"))
    return found


class Check:
    """A pytest plugin that fails the tests and modules whose skip is not expected."""

    def __init__(self, expected: Expected) -> None:
        self._expected = expected

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Check the report of a test's set-up, call or teardown."""
        report = yield
        return report if hasattr(report, "wasxfail") else self._checked(report)

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Check the report of a module that was collected."""
        return self._checked((yield))

    def _checked(self, report: Report) -> Report:
        if report.skipped and isinstance(report.longrepr, tuple):
            reason = report.longrepr[2].removeprefix("Skipped: ")
            if not self._lists(report.nodeid, reason):
                report.outcome = "failed"
                report.longrepr = (
                    f"{report.nodeid} skipped: {reason}\n"
                    f"This skip is not in tests/{LIST.name}. Make the test run here, or add its file and reason there."
                )
        return report

    def _lists(self, test: str, reason: str) -> bool:
        path = test.partition("::")[0]
        return any(
            fnmatchcase(reason, pattern)
            for place, patterns in self._expected.items()
            if path == place or path.startswith(f"{place}/")
            for pattern in patterns
        )
