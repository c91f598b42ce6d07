"""`locution transcribe`: send files and print what was said."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from locution.v1 import job_service_pb2 as pb

from locution_client.cli import arguments, exit_codes, preferred, show
from locution_client.cli.output import Destination, UsageError
from locution_client.cli.progress import Screen
from locution_client.client import Client
from locution_client.errors import ApiError, JobFailed
from locution_client.transcription import Observer, Options, follow, submit

UPLOADS_AT_ONCE = 4


def configure(commands: arguments.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("transcribe", help="transcribe audio or video files", epilog=exit_codes.HELP)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="audio or video; several run at once")
    parser.add_argument("--language", metavar="auto|xx", help="language of the speech (auto)")
    parser.add_argument("--asr-model", type=arguments.weight, metavar="SET/WEIGHT", help="(the server's default)")
    parser.add_argument("--diarizer-model", type=arguments.weight, metavar="SET/WEIGHT", help="(the server's default)")
    parser.add_argument(
        "--diarize", action=argparse.BooleanOptionalAction, default=None, help="tell speakers apart (on)"
    )
    parser.add_argument("--speakers", type=arguments.count, metavar="N", help="exactly so many speakers")
    parser.add_argument("--min-speakers", type=arguments.count, metavar="N", help="at least so many speakers")
    parser.add_argument("--max-speakers", type=arguments.count, metavar="N", help="at most so many speakers")
    names = parser.add_mutually_exclusive_group()
    names.add_argument(
        "--identify", action=argparse.BooleanOptionalAction, default=None, help="name speakers by enrolled voices (off)"
    )
    names.add_argument(
        "--voice", action="append", type=arguments.voice, metavar="VOICE", help="look for this voice; may be repeated"
    )
    arguments.add_format(parser, otherwise="your settings', or txt")
    parser.set_defaults(run=run)


async def run(client: Client, options: argparse.Namespace) -> int:
    """Transcribe all files at once; return the exit status of the worst."""
    missing = [path for path in options.files if not path.is_file()]
    if missing:
        raise UsageError(f"no such file: {', '.join(map(str, missing))}")
    chosen = await preferred.export_format(client, options.format)
    destination = Destination(options.files, options.output, chosen)
    batch = Batch(client, _options(options), chosen, Screen())
    try:
        results = await batch.run(options.files)
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

    async def run(self, paths: list[Path]) -> list[tuple[Path, bytes | Exception]]:
        """Return for each file its transcript, or why there is none."""
        with self._screen.shown():
            results = await asyncio.gather(*(self._guarded(path) for path in paths))
        return list(zip(paths, results, strict=True))

    def tell_how_to_resume(self) -> None:
        """Say of each file that is not done how to go on."""
        for path, job in self._unfinished.items():
            if job is None:
                show.note(f"locution: {path.name}: no job was made yet; run the command again")
            else:
                show.note(
                    f"locution: {path.name}: the job goes on; `locution jobs watch {job} --format {self._format}`"
                )

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


def _options(options: argparse.Namespace) -> Options:
    return Options(
        language=options.language,
        asr_model=options.asr_model,
        diarizer_model=options.diarizer_model,
        diarize=options.diarize,
        speakers=options.speakers,
        min_speakers=options.min_speakers,
        max_speakers=options.max_speakers,
        identify=options.identify,
        voices=tuple(options.voice or ()),
    )
