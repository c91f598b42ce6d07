"""`locution upload`: send recordings, going on where an earlier run was cut off."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from locution.v1 import upload_service_pb2 as pb

from locution_client.cli import arguments, exit_codes, show
from locution_client.cli.output import UsageError
from locution_client.cli.progress import Screen
from locution_client.client import Client
from locution_client.errors import ApiError
from locution_client.parts import PartSender, notes_folder

MOST = 32


def configure(commands: arguments.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "upload", help="send recordings; a run that was cut off is gone on with by the next one"
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="audio or video, one after the other")
    text = f"send so many parts at once straight to the object store, at most {MOST} (one stream through the server)"
    parser.add_argument("--parallel", type=int, metavar="N", help=text)
    arguments.add_json(parser)
    parser.set_defaults(run=run)


async def run(client: Client, options: argparse.Namespace) -> int:
    """Send all files; return the exit status of the worst."""
    missing = [path for path in options.files if not path.is_file()]
    if missing:
        raise UsageError(f"no such file: {', '.join(map(str, missing))}")
    if options.parallel is not None and not 1 <= options.parallel <= MOST:
        raise UsageError(f"--parallel is from 1 to {MOST}")
    screen, sent, code = Screen(), [], exit_codes.OK
    with screen.shown():
        for path in options.files:
            try:
                sent.append(await _send(client, path, options.parallel, screen))
            except ApiError as error:
                show.failure(error, path.name)
                code = max(code, exit_codes.of(error))
    _print(sent, as_json=options.json)
    return code


async def _send(client: Client, path: Path, parallel: int | None, screen: Screen) -> pb.Upload:
    watcher = screen.observer(path.name)
    size = (await asyncio.to_thread(path.stat)).st_size
    if parallel is None or not size:  # no part holds nothing
        return await client.uploads.send(path, sent=watcher.uploading, resume=True)
    sender = PartSender(client.uploads, notes_folder(), at_once=parallel)
    return await sender.send(path, sent=watcher.uploading)


def _print(uploads: list[pb.Upload], *, as_json: bool) -> None:
    if as_json:
        print(show.as_json(uploads))
    elif uploads:
        print(show.table(("UPLOAD", "STATE", "BYTES", "LABEL"), [_row(upload) for upload in uploads]))


def _row(upload: pb.Upload) -> tuple[str, ...]:
    state = pb.Upload.State.Name(upload.state).removeprefix("STATE_")
    return (upload.name, state, str(upload.size_bytes), upload.display_name)
