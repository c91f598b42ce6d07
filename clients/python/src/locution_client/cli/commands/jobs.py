"""`locution jobs`: list, read and watch jobs; what changes them is in job_changes and job_tags."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path

from locution.v1 import job_service_pb2 as pb

from locution_client.cli import arguments, exit_codes, preferred, show
from locution_client.cli.commands import job_changes, job_tags
from locution_client.cli.output import Destination
from locution_client.cli.progress import Screen
from locution_client.client import Client
from locution_client.transcription import Observer, follow


def configure(commands: arguments.Commands) -> None:
    """Add the command and its own commands."""
    parser = commands.add_parser("jobs", help="list, read, watch and change jobs")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    _configure_list(actions)
    get = actions.add_parser("get", help="show one job")
    watch = actions.add_parser("watch", help="follow a job to its end")
    for action, run in ((get, _get), (watch, _watch)):
        action.add_argument("job", type=arguments.job, metavar="JOB", help="jobs/ID")
        arguments.add_format(action, otherwise="with --output your settings' or txt; else no transcript is fetched")
        arguments.add_json(action)
        action.set_defaults(run=run)
    job_changes.configure(actions)
    job_tags.configure(actions)


def _configure_list(actions: arguments.Commands) -> None:
    listing = actions.add_parser("list", help="list the newest jobs")
    listing.add_argument(
        "--filter", default="", metavar="F", help="for example 'state = RUNNING' or 'tags:(a OR b)' (AIP-160)"
    )
    listing.add_argument("--limit", type=int, default=50, metavar="N", help="how many (50)")
    arguments.add_json(listing)
    listing.set_defaults(run=_list)


async def _list(client: Client, options: argparse.Namespace) -> int:
    jobs = await client.jobs.newest(options.limit, matching=options.filter)
    if options.json:
        print(show.as_json(jobs))
    else:
        header = ("JOB", "STATE", "AUDIO", "CREATED", "LABEL")
        print(show.table(header, [_row(job) for job in jobs]))
    return exit_codes.OK


async def _get(client: Client, options: argparse.Namespace) -> int:
    options.format = await _format(client, options)
    job = await client.jobs.get(options.job)
    if options.format:
        await _export(client, job, options)
    else:
        print(json.dumps(show.to_dict(job), indent=2, ensure_ascii=False) if options.json else _description(job))
    return exit_codes.OK


async def _watch(client: Client, options: argparse.Namespace) -> int:
    options.format = await _format(client, options)
    screen = Screen()
    lines = _Lines(as_json=options.json) if options.json or not options.format else None
    try:
        with screen.shown():
            job = await follow(client, options.job, lines or screen.observer(options.job))
    except asyncio.CancelledError:
        show.note(f"locution: {options.job} goes on; `locution jobs watch {options.job}` follows it again")
        raise
    show.warnings(job, job.name)
    if options.format:
        await _export(client, job, options)
    return exit_codes.OK


async def _format(client: Client, options: argparse.Namespace) -> str | None:
    """Return the format of the transcript to fetch, None for none."""
    return await preferred.export_format(client, options.format) if options.format or options.output else None


async def _export(client: Client, job: pb.Job, options: argparse.Namespace) -> None:
    source = Path(job.display_name or job.name.rpartition("/")[2])
    destination = Destination([source], options.output, options.format)
    destination.write(source, await client.transcripts.export(job.name, options.format))


class _Lines(Observer):
    """Print one line an event: the result of `watch` itself, where no transcript was asked for."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def uploading(self, sent: int, total: int) -> None:
        """Ignore it: watching uploads nothing."""

    def created(self, job: pb.Job) -> None:
        """Ignore it: the job exists."""

    def happened(self, event: pb.JobEvent) -> None:
        """Print the event."""
        line = json.dumps(show.to_dict(event), ensure_ascii=False) if self._as_json else _event(event)
        print(line, flush=True)


def _row(job: pb.Job) -> tuple[str, ...]:
    audio = f"{show.seconds(job.audio_duration):.1f} s" if job.HasField("audio_duration") else "-"
    return (job.name, show.state(job), audio, job.create_time.ToJsonString(), job.display_name)


def _description(job: pb.Job) -> str:
    lines = [("job", job.name), ("state", show.state(job)), ("label", job.display_name), ("upload", job.upload)]
    lines += [("tags", ", ".join(job.tags))] if job.tags else []
    lines += [("audio", _row(job)[2]), ("created", job.create_time.ToJsonString())]
    lines += [(show.stage(stage.kind), _amount(stage)) for stage in job.progress.stages]
    lines += [("model", f"{show.stage(model.stage)}: {model.model}") for model in job.models]
    lines += [("warning", warning.message) for warning in job.warnings]
    if job.HasField("error"):
        lines.append(("error", job.error.message))
    return "\n".join(f"{name:<11} {text}" for name, text in lines)


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
