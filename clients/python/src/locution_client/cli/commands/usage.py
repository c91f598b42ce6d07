"""`locution usage`: what a tenant used, by day and by principal."""

from __future__ import annotations

import argparse

from locution.v1 import administration_service_pb2 as pb

from locution_client.cli import arguments, exit_codes, naming, show
from locution_client.client import Client


def configure(commands: arguments.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("usage", help="say what a tenant used, by day (UTC) and by key or user")
    parser.add_argument("--from", dest="first", default="", metavar="DATE", help="first day (the first of this month)")
    parser.add_argument("--to", dest="last", default="", metavar="DATE", help="last day (today)")
    parser.add_argument("--subject", default="", metavar="S", help="one key or user, as `locution whoami` names it")
    naming.add_tenant(parser)
    arguments.add_json(parser)
    parser.set_defaults(run=run)


async def run(client: Client, options: argparse.Namespace) -> int:
    """Print the days and their sum."""
    tenant = await naming.chosen(client, options)
    used = await client.administration.usage(tenant, options.first, options.last, options.subject)
    rows = [*map(_row, used.rows), ("total", "", *_row(used.total)[2:])]
    if options.json:
        naming.one(used, (), as_json=True)
    else:
        print(show.table(("DAY", "SUBJECT", "AUDIO", "UPLOADED", "JOBS"), rows))
    return exit_codes.OK


def _row(row: pb.UsageRow) -> tuple[str, ...]:
    audio = f"{show.seconds(row.audio_duration):.1f} s"
    return (row.date, row.subject, audio, f"{row.uploaded_bytes / 1e6:.1f} MB", str(row.job_count))
