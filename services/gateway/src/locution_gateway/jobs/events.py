"""What is told about a job: the payload of each kind of event, as plain JSON values."""

from __future__ import annotations

from dataclasses import asdict

from locution_gateway.jobs.models import Failure, JobState, JobWarning, Section, StageKind, StageProgress

Payload = dict[str, object]


def state_changed(state: JobState, error: Failure | None = None) -> Payload:
    """Describe a change of state, with the reason of FAILED."""
    payload: Payload = {"state": state.value}
    return payload if error is None else payload | {"error": asdict(error)}


def stage_progress(progress: StageProgress) -> Payload:
    """Describe how far a kind of stage is."""
    return asdict(progress) | {"kind": progress.kind.value}


def section_finished(kind: StageKind, section: Section) -> Payload:
    """Describe a section whose result is kept."""
    return {"kind": kind.value, "section": section.index, "start": section.start, "end": section.end}


def warning(warning: JobWarning) -> Payload:
    """Describe something that will be missing or was done otherwise."""
    return asdict(warning) | {"code": warning.code.value}
