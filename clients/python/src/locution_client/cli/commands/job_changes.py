"""`locution jobs cancel|retry|update|delete|estimate`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Awaitable, Callable
from typing import TypeVar

from locution.v1 import job_service_pb2 as pb

from locution_client.cli import arguments, exit_codes, show
from locution_client.cli.output import UsageError
from locution_client.client import Client
from locution_client.errors import ApiError

T = TypeVar("T")


def configure(actions: arguments.Commands) -> None:
    """Add the actions."""
    cancel = actions.add_parser("cancel", help="end jobs that wait or run")
    retry = actions.add_parser("retry", help="make new jobs of failed or cancelled ones; what they finished is kept")
    for action, run in ((cancel, _cancel), (retry, _retry)):
        action.add_argument("jobs", nargs="+", type=arguments.job, metavar="JOB", help="jobs/ID")
        arguments.add_json(action)
        action.set_defaults(run=run)
    _configure_update(actions)
    _configure_delete(actions)
    _configure_estimate(actions)


def _configure_update(actions: arguments.Commands) -> None:
    update = actions.add_parser("update", help="change a job's label, tags or priority")
    update.add_argument("job", type=arguments.job, metavar="JOB", help="jobs/ID")
    update.add_argument("--label", metavar="TEXT", help="label for people")
    update.add_argument("--priority", type=int, metavar="N", help="from -10 to 10; higher goes first")
    update.add_argument(
        "--tag", action="append", type=arguments.tag, metavar="TAG", help="all its tags; may be repeated"
    )
    update.add_argument("--no-tags", action="store_true", help="take all tags away")
    arguments.add_json(update)
    update.set_defaults(run=_update)


def _configure_delete(actions: arguments.Commands) -> None:
    delete = actions.add_parser("delete", help="delete jobs with all that they made")
    delete.add_argument("jobs", nargs="*", type=arguments.job, metavar="JOB", help="jobs/ID")
    delete.add_argument("--filter", metavar="F", help="instead: the finished jobs that this names (AIP-160)")
    delete.add_argument("--count", action="store_true", help="with --filter: count, and delete nothing")
    delete.set_defaults(run=_delete)


def _configure_estimate(actions: arguments.Commands) -> None:
    estimate = actions.add_parser("estimate", help="say what a job would take")
    subject = estimate.add_mutually_exclusive_group(required=True)
    subject.add_argument("job", nargs="?", type=arguments.job, metavar="JOB", help="jobs/ID")
    subject.add_argument("--audio", type=arguments.span, metavar="TIME", help="a new job of so much audio, as 1h30m")
    arguments.add_json(estimate)
    estimate.set_defaults(run=_estimate)


async def _cancel(client: Client, options: argparse.Namespace) -> int:
    done, code = await _each(options.jobs, client.jobs.cancel)
    _print(done, as_json=options.json)
    return code


async def _retry(client: Client, options: argparse.Namespace) -> int:
    done, code = await _each(options.jobs, client.jobs.retry)
    _print(done, as_json=options.json)
    return code


async def _each(names: list[str], change: Callable[[str], Awaitable[T]]) -> tuple[list[T], int]:
    """Change each job; one that is refused is told and costs only itself."""
    done, code = [], exit_codes.OK
    for name in names:
        try:
            done.append(await change(name))
        except ApiError as error:
            show.failure(error, name)
            code = max(code, exit_codes.of(error))
    return done, code


async def _update(client: Client, options: argparse.Namespace) -> int:
    if options.tag and options.no_tags:
        raise UsageError("--tag and --no-tags exclude each other")
    tags = [] if options.no_tags else options.tag
    wanted = {"display_name": options.label, "tags": tags, "priority": options.priority}
    fields = {name: value for name, value in wanted.items() if value is not None}
    if not fields:
        raise UsageError("nothing to change: give --label, --tag, --no-tags or --priority")
    _print([await client.jobs.update(pb.Job(name=options.job, **fields), fields)], as_json=options.json)
    return exit_codes.OK


async def _delete(client: Client, options: argparse.Namespace) -> int:
    if bool(options.jobs) == bool(options.filter) or (options.count and not options.filter):
        raise UsageError("give jobs, or --filter, with --count to count alone")
    if options.filter:
        print(await client.jobs.delete_matching(options.filter, count_only=options.count))
        return exit_codes.OK
    _, code = await _each(options.jobs, client.jobs.delete)
    return code


async def _estimate(client: Client, options: argparse.Namespace) -> int:
    found = await client.jobs.estimate(options.job or options.audio)
    if options.json:
        print(json.dumps(show.to_dict(found), indent=2))
        return exit_codes.OK
    known, unknown = found.HasField("work_duration"), "unknown: nothing was measured yet"
    lines = [
        ("before it", f"{found.queue_position} jobs, {show.seconds(found.queued_audio_duration):.0f} s of audio"),
        ("work", f"{show.seconds(found.work_duration):.1f} s" if known else unknown),
        ("ends", found.end_time.ToJsonString() if found.HasField("end_time") else unknown),
    ]
    if found.HasField("quota_remaining_duration"):
        lines.append(("quota left", f"{show.seconds(found.quota_remaining_duration):.0f} s of audio"))
    print("\n".join(f"{name:<11} {text}" for name, text in lines))
    return exit_codes.OK


def _print(jobs: list[pb.Job], *, as_json: bool) -> None:
    if as_json:
        print(show.as_json(jobs))
    elif jobs:
        rows = [(job.name, show.state(job), ", ".join(job.tags), job.display_name) for job in jobs]
        print(show.table(("JOB", "STATE", "TAGS", "LABEL"), rows))
