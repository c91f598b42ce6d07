"""The report of a run of the fault tests."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from tests.chaos import points
from tests.chaos.cluster import WORKERS
from tests.chaos.rounds import Chaos, Outcome

POINTS = """\
Listed from the source (`tests/chaos/points.py`): before and after each commit of uploads, jobs, upkeep, stages and the outbox
(reading transactions too), each write to the object store, and each acknowledgement. api and both workers were armed with all
points at which none had died yet, again after every restart; both workers count as one."""

FAULTS_OF_OURS = (
    "a stage failed by an internal error",
    "a stage could not be released; its lease will expire",
    "DeadlockDetectedError",
)

UNREACHED = {
    "PostgresJobs.expire": "jobs expire after days",
    "PostgresUploads.expire": "uploads expire after days",
    "PostgresOutbox.release": "given back by a worker that stops in peace",
}

HEAD = """\
# Fault tests: what was done and what held

`make test-chaos` runs the short form; this is the report of
`LOCUTION_CHAOS_KILLS={kills} pytest tests/chaos --report docs/chaos-report.md`. Real are: Postgres, the S3 server behind the
tests' fault proxy, api, two workers, the registry, the decoding children and all clients. The engines are processes that
obey the test and whose text is a digest of the audio. Leases last 3 s instead of 15 s, abandoned multipart uploads are
aborted after 20 s instead of 2 minutes, and what a broken-off stream wrote late is looked for after 20 s instead of
4 minutes. Recovery is the time from the readiness of every process until every client was
served to the end of what it wanted and every accepted job had ended.

Run on {when} UTC, {machine}, {cores} cores.

| rounds | kills | violations | longest wait for readiness | longest recovery from readiness |
|---|---|---|---|---|
| {rounds} | {total} | {violations} | {ready:.1f} s | {recovery:.1f} s |
"""


def write(chaos: Chaos, path: str) -> None:
    """Write the report, where one is wanted and there is something to tell."""
    if path and chaos.outcomes:
        Path(path).write_text(render(chaos))


def render(chaos: Chaos) -> str:
    """Return the report as Markdown."""
    outcomes = chaos.outcomes
    head = HEAD.format(
        kills=os.environ.get("LOCUTION_CHAOS_KILLS", "0"),
        when=datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        machine=platform.system(),
        cores=os.cpu_count(),
        rounds=len(outcomes),
        total=chaos.kills.total(),
        violations=sum(len(outcome.violations) for outcome in outcomes),
        ready=max(outcome.ready for outcome in outcomes),
        recovery=max(outcome.recovery for outcome in outcomes),
    )
    sections = [head, _kills(chaos), _points(chaos), _webhooks(chaos), _logged(chaos), _load(chaos), _rounds(outcomes)]
    return "\n".join(sections)


def _kills(chaos: Chaos) -> str:
    rows = [f"| {role} | {count} |" for role, count in sorted(chaos.kills.items())]
    return "\n".join(["## Kills by role", "", "| role | SIGKILL |", "|---|---|", *rows, ""])


def _points(chaos: Chaos) -> str:
    parts = ["## Named points", "", POINTS, "", "| of | points | passed | died at |", "|---|---|---|---|"]
    tables = []
    for kind in ("api", "worker"):
        listed, passed, died = (
            set(points.points(kind)),
            _named(chaos, "reached.log", kind),
            _named(chaos, "fired.log", kind),
        )
        parts.append(f"| {kind} | {len(listed)} | {len(listed & passed)} | {len(listed & died)} |")
        rows = [f"| {kind} | `{name}` | {_why(name, passed)} |" for name in sorted(listed - died)]
        tables += rows
    if tables:
        parts += ["", "Those at which none died:", "", "| of | point | why |", "|---|---|---|", *tables]
    return "\n".join([*parts, ""])


def _named(chaos: Chaos, file: str, kind: str) -> set[str]:
    return {name for role, name in chaos.cluster.reached(file) if points.family(role) == kind}


def _why(name: str, passed: set[str]) -> str:
    if name in passed:
        return "passed; the kills were used up at others"
    method = name.partition(".commit")[0].partition(".acknowledge")[0].removesuffix(".before").removesuffix(".after")
    return UNREACHED.get(method, "never passed under this load")


def _webhooks(chaos: Chaos) -> str:
    arrivals, refused = chaos.cluster.hooks.arrivals, chaos.cluster.hooks.refused
    deliveries = len({each.delivery for each in arrivals})
    said = (
        f"{deliveries} deliveries of {len({each.job for each in arrivals})} jobs arrived {len(arrivals)} times, each signed; "
        f"the receiver answered {refused['500']} with 500, {refused['503']} with 503, and {refused['silence']} not at all."
    )
    return f"## Webhooks\n\n{said}\n"


def _logged(chaos: Chaos) -> str:
    """Count the faults of the worker's own that cost an attempt, which no invariant forbids."""
    logs = "".join(chaos.cluster.log(role) for role in WORKERS)
    rows = [f"| {line} | {logs.count(line)} |" for line in FAULTS_OF_OURS]
    return "\n".join(["## Logged by the workers", "", "| line | times |", "|---|---|", *rows, ""])


def _load(chaos: Chaos) -> str:
    history = chaos.history
    lines = [
        f"{len(history.uploads)} uploads, {history.cuts} cut streams, {len(history.jobs)} jobs, "
        f"{history.reconnects} watches begun; faults of the store: "
        + (", ".join(f"{name} {count}" for name, count in sorted(chaos.store_faults.items())) or "none")
        + ".",
        "",
        "| call | code | reason | times |",
        "|---|---|---|---|",
        *(
            f"| {method} | {code} | {reason} | {count} |"
            for (method, code, reason), count in sorted(history.refusals.items())
        ),
        "",
    ]
    return "\n".join(["## Load, and what clients were refused", "", *lines])


def _rounds(outcomes: list[Outcome]) -> str:
    rows = [
        f"| {each.name} | {each.seed} | {each.kills} | {each.seconds:.1f} | {each.ready:.1f} | {each.recovery:.1f} "
        f"| {len(each.violations)} |"
        for each in outcomes
    ]
    head = ["| round | seed | kills | seconds | ready s | recovery s | violations |", "|---|---|---|---|---|---|---|"]
    broken = [f"- {what}" for each in outcomes for what in each.violations]
    return "\n".join(["## Rounds", "", *head, *rows, "", *broken, ""])
