"""`locution jobs`: list, read, watch and change jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from json import dumps
from pathlib import Path
from typing import Any, TypeVar

from locution.v1 import job_service_pb2 as pb
from locution.v1.transcript_service_pb2 import SubtitleOptions

from locution_client.cli import durations, exit_codes, preferred, show
from locution_client.cli.app import Commands
from locution_client.cli.arguments import (
    FORCE,
    FORMAT,
    JOB,
    JOBS,
    JSON,
    LABEL,
    LIMIT,
    OUTPUT,
    PRIORITY,
    argument,
    job_name,
    switch,
    tag_name,
)
from locution_client.cli.commands import job_tags
from locution_client.cli.output import Destination, UsageError
from locution_client.cli.progress import Screen
from locution_client.cli.subtitles import SUBTITLES, flags, taken
from locution_client.client import Client
from locution_client.errors import ApiError
from locution_client.transcription import Observer, follow

T = TypeVar("T")

app = Commands("List, read, watch and change jobs.", tags=job_tags.app)


@app.verb(
    "list",
    argument(
        "--filter", default="", metavar="F", help="AIP-160 filter, for example 'state = RUNNING' or 'tags:(a OR b)'"
    ),
    LIMIT,
    JSON,
)
async def _list(client: Client, filter: str, limit: int, json: bool) -> None:
    """List the newest jobs."""
    jobs = await client.jobs.newest(limit, matching=filter)
    show.listing(jobs, ("JOB", "STATE", "AUDIO", "CREATED", "LABEL"), _row, json=json)


@app.verb("get", JOB, FORMAT, *SUBTITLES, OUTPUT, FORCE, JSON)
async def _get(
    client: Client, job: str, formats: list[str] | None, output: str | None, force: bool, json: bool, **options: Any
) -> None:
    """Show a job. With --format or --output, fetch its transcript instead."""
    chosen = await _formats(client, formats, output)
    subtitles = taken(options, chosen)
    found = await client.jobs.get(job)
    if chosen:
        await _export(client, found, chosen, subtitles, _destination(found, output, chosen, force))
    else:
        show.one(found, _lines(found), json=json)


@app.verb("watch", JOB, FORMAT, *SUBTITLES, OUTPUT, FORCE, JSON)
async def _watch(
    client: Client, job: str, formats: list[str] | None, output: str | None, force: bool, json: bool, **options: Any
) -> None:
    """Follow a job to its end. With --format or --output, then fetch its transcript."""
    chosen = await _formats(client, formats, output)
    subtitles = taken(options, chosen)
    destination = _destination(await client.jobs.get(job), output, chosen, force) if chosen else None
    screen = Screen()
    events = _Events(json=json) if json or not chosen else None
    try:
        with screen.shown():
            ended = await follow(client, job, events or screen.observer(job))
    except asyncio.CancelledError:
        again = destination.command(0, job, flags(subtitles)) if destination else f"locution jobs watch {job}"
        show.note(f"locution: {job} continues; follow it again with `{again}`")
        raise
    show.warnings(ended, ended.name)
    if chosen and destination:
        await _export(client, ended, chosen, subtitles, destination)


@app.verb("cancel", JOBS, JSON)
async def _cancel(client: Client, jobs: list[str], json: bool) -> int:
    """Cancel jobs that wait or run."""
    done, code = await _each(jobs, client.jobs.cancel)
    _changed(done, json=json)
    return code


@app.verb("retry", JOBS, JSON)
async def _retry(client: Client, jobs: list[str], json: bool) -> int:
    """Create new jobs from failed or cancelled ones. The new jobs reuse all finished work."""
    done, code = await _each(jobs, client.jobs.retry)
    _changed(done, json=json)
    return code


@app.verb(
    "update",
    JOB,
    LABEL,
    PRIORITY,
    argument("--tag", action="append", type=tag_name, metavar="TAG", help="new tag, replaces all tags; repeatable"),
    switch("--no-tags", "remove all tags"),
    JSON,
)
async def _update(
    client: Client, job: str, label: str | None, priority: int | None, tag: list[str] | None, no_tags: bool, json: bool
) -> None:
    """Change the label, the tags or the priority of a job."""
    if tag and no_tags:
        raise UsageError("--tag and --no-tags exclude each other")
    wanted = {"display_name": label, "tags": [] if no_tags else tag, "priority": priority}
    fields = {name: value for name, value in wanted.items() if value is not None}
    if not fields:
        raise UsageError("nothing to change. Use --label, --tag, --no-tags or --priority")
    _changed([await client.jobs.update(pb.Job(name=job, **fields), fields)], json=json)  # type: ignore[arg-type]


@app.verb(
    "delete",
    argument("jobs", nargs="*", type=job_name, metavar="JOB", help="job name: jobs/ID"),
    argument("--filter", metavar="F", help="delete all finished jobs that match this AIP-160 filter instead"),
    switch("--count", "with --filter: only count the jobs"),
)
async def _delete(client: Client, jobs: list[str], filter: str | None, count: bool) -> int | None:
    """Delete jobs with their transcripts."""
    if bool(jobs) == bool(filter) or (count and not filter):
        raise UsageError("give either job names or --filter; --count needs --filter")
    if filter:
        print(await client.jobs.delete_matching(filter, count_only=count))
        return None
    _, code = await _each(jobs, client.jobs.delete)
    return code


@app.verb(
    "estimate",
    argument("job", nargs="?", type=job_name, metavar="JOB", help="job name: jobs/ID"),
    durations.option(
        "--audio", "estimate a new job of this much audio, for example 1h30m", pb.EstimateJobRequest, "audio_duration"
    ),
    JSON,
)
async def _estimate(client: Client, job: str | None, audio: timedelta | None, json: bool) -> None:
    """Estimate when a job finishes and how much work it is."""
    subject = job or audio
    if subject is None or (job and audio):
        raise UsageError("give either a job name or --audio")
    found = await client.jobs.estimate(subject)
    known, unknown = found.HasField("work_duration"), "unknown: nothing was measured yet"
    lines = [
        ("before it", f"{found.queue_position} jobs, {show.seconds(found.queued_audio_duration):.0f} s of audio"),
        ("work", f"{show.seconds(found.work_duration):.1f} s" if known else unknown),
        ("ends", found.end_time.ToJsonString() if found.HasField("end_time") else unknown),
    ]
    if found.HasField("quota_remaining_duration"):
        lines.append(("quota left", f"{show.seconds(found.quota_remaining_duration):.0f} s of audio"))
    show.one(found, lines, json=json)


async def _each(names: list[str], change: Callable[[str], Awaitable[T]]) -> tuple[list[T], int]:
    """Change each job; report each refusal and continue with the others."""
    done, code = [], exit_codes.OK
    for name in names:
        try:
            done.append(await change(name))
        except ApiError as error:
            show.failure(error, name)
            code = max(code, exit_codes.of(error))
    return done, code


def _changed(jobs: list[pb.Job], *, json: bool) -> None:
    if json or jobs:
        show.listing(
            jobs,
            ("JOB", "STATE", "TAGS", "LABEL"),
            lambda job: (job.name, show.state(job), ", ".join(job.tags), job.display_name),
            json=json,
        )


async def _formats(client: Client, given: list[str] | None, output: str | None) -> tuple[str, ...]:
    """Return the formats of the transcript to fetch, none if it is not asked for."""
    return await preferred.export_formats(client, given) if given or output else ()


def _destination(job: pb.Job, output: str | None, formats: Sequence[str], force: bool) -> Destination:
    """Decide where the transcript of a job goes; in a folder it has the job's label."""
    source = Path(job.display_name or job.name.rpartition("/")[2])
    return Destination([source], output, formats, force=force)


async def _export(
    client: Client, job: pb.Job, formats: Sequence[str], subtitles: SubtitleOptions | None, destination: Destination
) -> None:
    destination.ended(0, await client.transcripts.export_all(job.name, formats, subtitles))


class _Events(Observer):
    """Print one line per event: the result of `watch` when no transcript was requested."""

    def __init__(self, *, json: bool) -> None:
        self._json = json

    def uploading(self, sent: int, total: int | None) -> None:
        """Do nothing: watching uploads nothing."""

    def created(self, job: pb.Job) -> None:
        """Do nothing: the job already exists."""

    def happened(self, event: pb.JobEvent) -> None:
        """Print the event."""
        line = dumps(show.to_dict(event), ensure_ascii=False) if self._json else _event(event)
        print(line, flush=True)


def _row(job: pb.Job) -> tuple[str, ...]:
    audio = f"{show.seconds(job.audio_duration):.1f} s" if job.HasField("audio_duration") else "-"
    return (job.name, show.state(job), audio, job.create_time.ToJsonString(), job.display_name)


def _lines(job: pb.Job) -> list[tuple[str, str]]:
    lines = [("job", job.name), ("state", show.state(job)), ("label", job.display_name), ("upload", job.upload)]
    lines += [("tags", ", ".join(job.tags))] if job.tags else []
    lines += [("audio", _row(job)[2]), ("created", job.create_time.ToJsonString())]
    lines += [(show.stage(stage.kind), _amount(stage)) for stage in job.progress.stages]
    lines += [("model", f"{show.stage(model.stage)}: {model.model}") for model in job.models]
    lines += [("warning", warning.message) for warning in job.warnings]
    return [*lines, ("error", job.error.message)] if job.HasField("error") else lines


def _amount(stage: pb.StageProgress) -> str:
    total = f" of {show.seconds(stage.total_duration):.1f}" if stage.HasField("total_duration") else ""
    return f"{show.seconds(stage.done_duration):.1f}{total} s of audio"


def _event(event: pb.JobEvent) -> str:
    time = event.event_time.ToJsonString()
    match event.WhichOneof("event"):
        case "state_changed":
            return f"{time}  {pb.Job.State.Name(event.state_changed.state).removeprefix('STATE_')}"
        case "stage_progress":
            return f"{time}  {show.stage(event.stage_progress.kind)} {_amount(event.stage_progress)}"
        case "section_finished":
            done = event.section_finished
            return f"{time}  {show.stage(done.kind)} section {done.section} finished"
        case "warning":
            return f"{time}  warning: {event.warning.message}"
        case unknown:
            return f"{time}  {unknown or 'an event that this version does not know'}"
