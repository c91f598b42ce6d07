"""`locution transcribe`: send files and print their transcripts."""

from __future__ import annotations

import asyncio
from argparse import BooleanOptionalAction
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from locution.v1 import job_service_pb2 as pb

from locution_client.cli import exit_codes, preferred, show
from locution_client.cli.app import verb
from locution_client.cli.arguments import (
    ASR_MODEL,
    DIARIZER_MODEL,
    FILES,
    FORMAT,
    LANGUAGE,
    OUTPUT,
    SPEAKERS,
    argument,
    speaker_count,
    voice_name,
)
from locution_client.cli.output import Destination, existing
from locution_client.cli.progress import Screen
from locution_client.client import Client
from locution_client.errors import ApiError, JobFailed
from locution_client.transcription import Observer, Options, follow, submit

UPLOADS_AT_ONCE = 4


@verb(
    FILES,
    LANGUAGE,
    ASR_MODEL,
    DIARIZER_MODEL,
    argument("--diarize", action=BooleanOptionalAction, help="tell speakers apart (default: on)"),
    SPEAKERS,
    argument("--min-speakers", type=speaker_count, metavar="N", help="minimum number of speakers, 1 to 50"),
    argument("--max-speakers", type=speaker_count, metavar="N", help="maximum number of speakers, 1 to 50"),
    (
        argument("--identify", action=BooleanOptionalAction, help="name speakers by enrolled voices (default: off)"),
        argument(
            "--voice", action="append", type=voice_name, metavar="VOICE", help="look only for this voice; repeatable"
        ),
    ),
    FORMAT,
    OUTPUT,
)
async def transcribe(client: Client, files: list[Path], format: str | None, output: str | None, **options: Any) -> int:
    """Transcribe audio or video files. Several files run at once."""
    paths = existing(files)
    chosen = await preferred.export_format(client, format)
    destination = Destination(paths, output, chosen)
    voices = tuple(options.pop("voice") or ())
    batch = Batch(client, Options(**options, voices=voices), chosen, Screen())
    try:
        results = await batch.run(paths)
    except asyncio.CancelledError:
        batch.tell_how_to_resume()
        raise
    for path, data in results:
        if isinstance(data, bytes):
            destination.write(path, data)
    return max((_told(path, data) for path, data in results), default=exit_codes.OK)


class Batch:
    """Transcribe several files together."""

    def __init__(self, client: Client, options: Options, file_format: str, screen: Screen) -> None:
        self._client = client
        self._options = options
        self._format = file_format
        self._screen = screen
        self._uploads = asyncio.Semaphore(UPLOADS_AT_ONCE)
        self._unfinished: dict[Path, str | None] = {}

    async def run(self, paths: Sequence[Path]) -> list[tuple[Path, bytes | Exception]]:
        """Return the transcript of each file, or the error."""
        with self._screen.shown():
            results = await asyncio.gather(*(self._guarded(path) for path in paths))
        return list(zip(paths, results, strict=True))

    def tell_how_to_resume(self) -> None:
        """Print how to get the transcript of each unfinished file."""
        for path, job in self._unfinished.items():
            if job is None:
                show.note(f"locution: {path.name}: no job exists yet; run the command again")
            else:
                follow_again = f"locution jobs watch {job} --format {self._format}"
                show.note(f"locution: {path.name}: the job continues; follow it with `{follow_again}`")

    async def _guarded(self, path: Path) -> bytes | Exception:
        self._unfinished[path] = None
        outcome: bytes | Exception
        try:
            outcome = await self._one(path, self._screen.observer(path.name))
        except (ApiError, OSError) as error:
            outcome = error
        del self._unfinished[path]  # not reached when cancelled: those files are told
        return outcome

    async def _one(self, path: Path, observer: Observer) -> bytes:
        async with self._uploads:
            job = await submit(self._client, path, self._options, observer)
        self._unfinished[path] = job.name
        finished: pb.Job = await follow(self._client, job.name, observer)
        show.warnings(finished, path.name)
        return await self._client.transcripts.export(job.name, self._format)


def _told(path: Path, data: bytes | Exception) -> int:
    if isinstance(data, ApiError):
        subject = f"{path.name} ({data.job})" if isinstance(data, JobFailed) and data.job else path.name
        show.failure(data, subject)
        return exit_codes.of(data)
    if isinstance(data, OSError):
        show.note(f"locution: {path}: {data.strerror or data}")
        return exit_codes.USAGE
    return exit_codes.OK
