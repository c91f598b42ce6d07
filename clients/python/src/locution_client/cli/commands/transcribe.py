"""`locution transcribe`: send files and print their transcripts."""

from __future__ import annotations

import asyncio
from argparse import BooleanOptionalAction
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locution.v1 import job_service_pb2 as pb
from locution.v1.transcript_service_pb2 import SubtitleOptions

from locution_client.cli import exit_codes, preferred, show
from locution_client.cli.app import verb
from locution_client.cli.arguments import (
    ASR_MODEL,
    DIARIZER_MODEL,
    FILES,
    FORCE,
    FORMAT,
    LANGUAGE,
    OUTPUT,
    PRIORITY,
    SPEAKERS,
    argument,
    speaker_count,
    tag_name,
    voice_name,
)
from locution_client.cli.output import Destination, existing
from locution_client.cli.progress import Screen
from locution_client.cli.recognition import DECODING, check_headers
from locution_client.cli.subtitles import SUBTITLES, flags, taken
from locution_client.client import Client
from locution_client.errors import ApiError, JobFailed
from locution_client.labels import label
from locution_client.transcription import Observer, Options, check, follow, submit

UPLOADS_AT_ONCE = 4


@verb(
    FILES,
    LANGUAGE,
    ASR_MODEL,
    *DECODING,
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
    argument("--tag", action="append", type=tag_name, metavar="TAG", help="tag of the job, to filter by; repeatable"),
    PRIORITY,
    FORMAT,
    *SUBTITLES,
    OUTPUT,
    FORCE,
)
async def transcribe(
    client: Client, files: list[Path], formats: list[str] | None, output: str | None, force: bool, **options: Any
) -> int:
    """Transcribe audio or video files. Several files run at once.

    All options are checked before anything is sent. Each transcript is written when it is ready. If one file fails, the
    others continue. In a folder, transcripts keep the folders of their files below the common parent folder. After
    Ctrl-C, jobs continue on the server, and the command prints how to fetch their transcripts.
    """
    paths = existing(files)
    check_headers(paths, options["audio_format"])
    chosen = await preferred.export_formats(client, formats)
    subtitles = taken(options, chosen)
    destination = Destination(paths, output, chosen, force=force)
    destination.spare(paths)
    wanted = _options(**options)
    await check(client, wanted)
    batch = Batch(client, wanted, chosen, subtitles, Screen(), destination)
    try:
        return await batch.run(paths)
    finally:
        batch.tell()


def _options(voice: list[str] | None, tag: list[str] | None, priority: int | None, **given: Any) -> Options:
    """Return the options of the command line; one that takes several values is empty when it is not given."""
    empty: dict[str, Any] = {name: () for name in ("hotwords", "language_candidates") if given[name] is None}
    return Options(**{**given, **empty}, voices=voice or (), tags=tag or (), priority=priority or 0)


@dataclass(slots=True, eq=False)
class Item:
    """One file of a batch, with its job once it exists, and the error that ended it."""

    number: int
    path: Path
    job: str = ""
    ended: bool = False
    failure: ApiError | OSError | None = None

    @property
    def label(self) -> str:
        """Return the name to print."""
        return label(self.path.name)


class Batch:
    """Transcribe several files together."""

    def __init__(
        self,
        client: Client,
        options: Options,
        formats: Sequence[str],
        subtitles: SubtitleOptions | None,
        screen: Screen,
        destination: Destination,
    ) -> None:
        self._client = client
        self._options = options
        self._formats = formats
        self._subtitles = subtitles
        self._screen = screen
        self._destination = destination
        self._uploads = asyncio.Semaphore(UPLOADS_AT_ONCE)
        self._items: list[Item] = []

    async def run(self, paths: Sequence[Path]) -> int:
        """Write the transcript of each file as soon as it is ready, and return the exit status."""
        self._items = [Item(number, path) for number, path in enumerate(paths)]
        with self._screen.shown():
            await asyncio.gather(*(self._guarded(item) for item in self._items))
        return max(exit_codes.of(item.failure) if item.failure else exit_codes.OK for item in self._items)

    def tell(self) -> None:
        """Print what failed and why, and how to get the transcript of each file that has not ended."""
        self._destination.interrupted()
        failed = [(item, item.failure) for item in self._items if item.failure is not None]
        if failed and len(self._items) > 1:
            show.note(f"locution: {len(failed)} of {len(self._items)} files failed:")
        for item, failure in failed:
            self._tell_failure(item, failure)
        for item in self._items:
            if not item.ended:
                self._tell_rest(item)

    async def _guarded(self, item: Item) -> None:
        try:
            transcripts = await self._one(item, self._screen.observer(item.label))
            self._destination.ended(item.number, transcripts)
        except BrokenPipeError:  # nobody reads the results
            raise
        except (ApiError, OSError) as error:
            item.failure = error
            self._destination.ended(item.number, None)
        item.ended = True  # not reached when cancelled: those files are told

    async def _one(self, item: Item, observer: Observer) -> dict[str, bytes]:
        async with self._uploads:
            job = await submit(self._client, item.path, self._options, observer)
        item.job = job.name
        finished: pb.Job = await follow(self._client, job.name, observer)
        show.warnings(finished, item.label)
        return await self._client.transcripts.export_all(job.name, self._formats, self._subtitles)

    def _tell_failure(self, item: Item, failure: ApiError | OSError) -> None:
        show.failure(failure, f"{item.label} ({item.job})" if item.job else item.label)
        if item.job and not isinstance(failure, JobFailed):
            show.note(f"  the job is not affected; fetch its transcript with `{self._again(item)}`")

    def _tell_rest(self, item: Item) -> None:
        if item.job:
            show.note(f"locution: {item.label}: the job continues; fetch its transcript with `{self._again(item)}`")
        else:
            show.note(f"locution: {item.label}: no job exists yet; transcribe the file again")

    def _again(self, item: Item) -> str:
        return self._destination.command(item.number, item.job, flags(self._subtitles))
