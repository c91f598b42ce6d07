"""`locution jobs tags`: list, add, remove, rename and delete tags."""

from __future__ import annotations

from collections.abc import Sequence

from locution.v1 import job_service_pb2 as pb

from locution_client.cli import show
from locution_client.cli.app import Commands
from locution_client.cli.arguments import JOB, JSON, TAG, TAGS, argument, tag_name
from locution_client.client import Client
from locution_client.errors import ApiError

ATTEMPTS = 5

app = Commands("List, add, remove, rename and delete tags.")


@app.verb("list", JSON)
async def _list(client: Client, json: bool) -> None:
    """List all tags, with the number of jobs that have them."""
    show.listing(
        await client.tags.all(),
        ("TAG", "JOBS"),
        lambda tag: (tag.name.removeprefix("tags/"), str(tag.job_count)),
        json=json,
    )


@app.verb("add", JOB, TAGS)
async def _add(client: Client, job: str, tags: list[str]) -> None:
    """Add tags to a job."""
    await _change(client, job, added=tags)


@app.verb("remove", JOB, TAGS)
async def _remove(client: Client, job: str, tags: list[str]) -> None:
    """Remove tags from a job."""
    await _change(client, job, removed=tags)


@app.verb("rename", TAG, argument("new", type=tag_name, metavar="NEW", help="new tag"))
async def _rename(client: Client, tag: str, new: str) -> None:
    """Rename a tag on every job."""
    done = await client.tags.rename(tag, new)
    print(f"{done.changed_count} jobs changed; {done.tag.job_count} have the tag {new}")


@app.verb("delete", TAG)
async def _delete(client: Client, tag: str) -> None:
    """Remove a tag from every job."""
    print(f"{await client.tags.delete(tag)} jobs changed")


async def _change(client: Client, name: str, *, added: Sequence[str] = (), removed: Sequence[str] = ()) -> None:
    """Change the tags of a job; if the job changed concurrently, read it and try again."""
    for attempt in range(ATTEMPTS):
        job = await client.jobs.get(name)
        kept = [tag for tag in job.tags if tag not in removed]
        wanted = pb.Job(name=name, tags=dict.fromkeys([*kept, *added]), etag=job.etag)
        try:
            job = await client.jobs.update(wanted, ["tags"])
        except ApiError as error:
            if error.reason != "ETAG_MISMATCH" or attempt == ATTEMPTS - 1:
                raise
            continue
        print(", ".join(job.tags))
        break
