"""`locution upload`: send recordings, and resume where an interrupted run stopped."""

from __future__ import annotations

import asyncio
from pathlib import Path

from locution.v1 import upload_service_pb2 as pb

from locution_client.cli import exit_codes, show
from locution_client.cli.app import verb
from locution_client.cli.arguments import FILES, JSON, argument, number
from locution_client.cli.output import UsageError, existing
from locution_client.cli.progress import Screen
from locution_client.client import Client
from locution_client.errors import ApiError
from locution_client.labels import label
from locution_client.parts import PartSender, notes_folder
from locution_client.sources import STDIN


@verb(
    FILES,
    argument(
        "--parallel",
        type=number(1, 32),
        metavar="N",
        help="send N parts at once directly to the object store, 1 to 32 (default: one stream through the server)",
    ),
    JSON,
)
async def upload(client: Client, files: list[Path], parallel: int | None, json: bool) -> int:
    """Upload recordings one after the other. Interrupted uploads of files resume on the next run."""
    screen, sent, code = Screen(), [], exit_codes.OK
    paths = existing(files)
    streams = [str(path) for path in paths if path == STDIN or not path.is_file()]
    if parallel and streams:
        raise UsageError(f"--parallel needs files, not pipes: {', '.join(streams)}")
    with screen.shown():
        for path in paths:
            try:
                sent.append(await _send(client, path, parallel, screen))
            except (ApiError, OSError) as error:
                show.failure(error, label(path.name))
                code = max(code, exit_codes.of(error))
    if json or sent:
        show.listing(sent, ("UPLOAD", "STATE", "BYTES", "LABEL"), _row, json=json)
    return code


async def _send(client: Client, path: Path, parallel: int | None, screen: Screen) -> pb.Upload:
    watcher = screen.observer(label(path.name))
    if parallel is None or not (await asyncio.to_thread(path.stat)).st_size:  # an upload in parts has at least one byte
        return await client.uploads.send(path, sent=watcher.uploading, resume=True)
    sender = PartSender(client.uploads, notes_folder(), at_once=parallel)
    return await sender.send(path, sent=watcher.uploading)


def _row(upload: pb.Upload) -> tuple[str, ...]:
    state = pb.Upload.State.Name(upload.state).removeprefix("STATE_")
    return (upload.name, state, str(upload.size_bytes), upload.display_name)
