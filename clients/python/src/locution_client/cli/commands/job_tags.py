"""`locution jobs tags`: list, give, take, rename and delete tags."""

from __future__ import annotations

import argparse

from locution.v1 import job_service_pb2 as pb

from locution_client.cli import arguments, exit_codes, show
from locution_client.client import Client
from locution_client.errors import ApiError

ATTEMPTS = 5


def configure(actions: arguments.Commands) -> None:
    """Add the action and its own."""
    parser = actions.add_parser("tags", help="list, give, take, rename and delete tags")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    listing = verbs.add_parser("list", help="list the tags with their jobs")
    arguments.add_json(listing)
    listing.set_defaults(run=_list)
    for verb, run, text in (("add", _add, "give a job tags"), ("remove", _remove, "take tags from a job")):
        action = verbs.add_parser(verb, help=text)
        action.add_argument("job", type=arguments.job, metavar="JOB", help="jobs/ID")
        action.add_argument("tags", nargs="+", type=arguments.tag, metavar="TAG")
        action.set_defaults(run=run)
    rename = verbs.add_parser("rename", help="rename a tag on every job")
    rename.add_argument("tag", type=arguments.tag, metavar="TAG")
    rename.add_argument("new", type=arguments.tag, metavar="NEW")
    rename.set_defaults(run=_rename)
    delete = verbs.add_parser("delete", help="take a tag from every job")
    delete.add_argument("tag", type=arguments.tag, metavar="TAG")
    delete.set_defaults(run=_delete)


async def _list(client: Client, options: argparse.Namespace) -> int:
    tags = await client.tags.all()
    rows = [(tag.name.removeprefix("tags/"), str(tag.job_count)) for tag in tags]
    print(show.as_json(tags) if options.json else show.table(("TAG", "JOBS"), rows))
    return exit_codes.OK


async def _add(client: Client, options: argparse.Namespace) -> int:
    return await _change(client, options.job, given=options.tags)


async def _remove(client: Client, options: argparse.Namespace) -> int:
    return await _change(client, options.job, taken=options.tags)


async def _rename(client: Client, options: argparse.Namespace) -> int:
    done = await client.tags.rename(options.tag, options.new)
    print(f"{done.changed_count} jobs changed; {done.tag.job_count} have the tag {options.new}")
    return exit_codes.OK


async def _delete(client: Client, options: argparse.Namespace) -> int:
    print(f"{await client.tags.delete(options.tag)} jobs changed")
    return exit_codes.OK


async def _change(client: Client, name: str, *, given: tuple[str, ...] = (), taken: tuple[str, ...] = ()) -> int:
    """Change a job's tags as they stand; one that somebody else changes meanwhile is read again."""
    for attempt in range(ATTEMPTS):
        job = await client.jobs.get(name)
        kept = [tag for tag in job.tags if tag not in taken]
        wanted = pb.Job(name=name, tags=dict.fromkeys([*kept, *given]), etag=job.etag)
        try:
            job = await client.jobs.update(wanted, ["tags"])
        except ApiError as error:
            if error.reason != "ETAG_MISMATCH" or attempt == ATTEMPTS - 1:
                raise
            continue
        print(", ".join(job.tags))
        break
    return exit_codes.OK
