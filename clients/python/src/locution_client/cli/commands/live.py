"""`locution live`: stream audio and print text while it is spoken."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from itertools import groupby
from pathlib import Path

from locution.v1 import live_service_pb2 as pb

from locution_client.cli import arguments, exit_codes, show
from locution_client.cli.output import UsageError
from locution_client.client import Client
from locution_client.wave_stream import Sound, UnknownAudio, recognise

PIECE = 8192
WIDTHS = {pb.LiveConfig.ENCODING_PCM_S16LE: 2, pb.LiveConfig.ENCODING_PCM_F32LE: 4}


def configure(commands: arguments.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "live",
        help="transcribe audio while it comes",
        description="Stream a WAV, FLAC or Ogg Opus file, or audio from a pipe, for example from a microphone: "
        "arecord -q -t raw -f S16_LE -r 16000 | locution live -",
        epilog=exit_codes.HELP,
    )
    parser.add_argument("file", metavar="FILE|-", help="audio of one channel; - reads standard input")
    parser.add_argument(
        "--rate", type=int, default=16000, metavar="HZ", help="of raw 16-bit samples on standard input (16000)"
    )
    parser.add_argument("--language", metavar="auto|xx", help="language of the speech (auto)")
    parser.add_argument("--asr-model", type=arguments.weight, metavar="SET/WEIGHT", help="(the server's default)")
    parser.add_argument("--silence", type=float, metavar="SECONDS", help="pause after which text is final (8)")
    parser.add_argument("--realtime", action="store_true", help="send a file as slowly as it was spoken")
    parser.add_argument("--diarize", action="store_true", help="say who speaks (off)")
    parser.add_argument(
        "--speakers", type=arguments.count, metavar="N", help="exactly so many speakers; says who speaks"
    )
    parser.add_argument("--keep", action="store_true", help="make a job of the audio at the end, and print its name")
    parser.set_defaults(run=run)


async def run(client: Client, options: argparse.Namespace) -> int:
    """Stream one recording; return the exit status."""
    try:
        sound = await recognise(_bytes(options.file), options.rate if options.file == "-" else None)
    except UnknownAudio as error:
        raise UsageError(f"{options.file}: {error}") from error
    data = paced(sound) if options.realtime else sound.data
    config = _config(sound, options)
    screen = Screen(sys.stdout.isatty(), config.HasField("diarization"))
    async for message in client.live.transcribe(config, data):
        screen.show(message)
    return exit_codes.OK


class Screen:
    """Print finals as lines, and on a terminal what is heard behind them in place.

    A final with speakers is a line a speaker; those whose speakers turn out to be others are told again at the end.
    """

    def __init__(self, terminal: bool, diarized: bool = False) -> None:
        self._terminal = terminal
        self._diarized = diarized
        self._spoken: dict[int, pb.StreamFinal] = {}

    def show(self, message: pb.StreamResponse) -> None:
        """Print one message."""
        match message.WhichOneof("message"):
            case "final" if message.final.text:
                self._final(message.final)
            case "speakers":
                self._correct(message.speakers)
            case "notice" if message.notice.kind == pb.StreamNotice.KIND_SPEAKERS_UNAVAILABLE:
                self._clear()
                show.note("locution: no diarizer answers; the text goes on without speakers")
            case "partial" if self._terminal:
                self._rewrite(partial_text(message.partial))
            case "done" if message.done.job:
                self._clear()
                show.note(f"locution: kept as {message.done.job}")

    def _final(self, final: pb.StreamFinal) -> None:
        for line in spoken_lines(final):
            self._line(line)
        if self._diarized:
            self._spoken[final.id] = final

    def _correct(self, known: pb.StreamSpeakers) -> None:
        final = self._spoken.get(known.final_id)
        if final is None:
            return
        for word, speaker in zip(final.words, known.speakers, strict=True):
            word.speaker = speaker
        self._clear()
        at = final.start_offset.ToTimedelta().total_seconds()
        show.note("\n".join([f"locution: the speakers from {at:.1f} s on:", *spoken_lines(final)]))

    def _line(self, text: str) -> None:
        self._clear()
        print(text, flush=True)

    def _rewrite(self, text: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        shown = text if len(text) <= width else f"…{text[-(width - 1) :]}"
        print(f"\r\x1b[K{shown}", end="", flush=True)

    def _clear(self) -> None:
        if self._terminal:
            print("\r\x1b[K", end="", flush=True)


def spoken_lines(final: pb.StreamFinal) -> list[str]:
    """Return a final as lines, one for each stretch of words by one speaker; one line where none is known."""
    if not any(word.speaker for word in final.words):
        return [final.text]
    runs = [(speaker, list(run)) for speaker, run in groupby(final.words, key=lambda word: word.speaker)]
    space = " " if " " in final.text else ""
    return [f"{speaker or 'UNKNOWN'}: {space.join(word.text for word in run)}" for speaker, run in runs]


def partial_text(partial: pb.StreamPartial) -> str:
    """Return a partial as one line."""
    confirmed = " ".join(word.text for word in partial.confirmed)
    return f"{confirmed} {partial.unstable}".strip()


def _config(sound: Sound, options: argparse.Namespace) -> pb.LiveConfig:
    config = pb.LiveConfig(
        encoding=sound.encoding,
        sample_rate_hertz=sound.rate,
        language=options.language,
        asr_model=options.asr_model,
        display_name="" if options.file == "-" else Path(options.file).name,
    )
    if options.silence is not None:
        config.endpoint_silence.FromMilliseconds(round(options.silence * 1000))
    if options.diarize or options.speakers is not None:
        config.diarization.enabled = True
    if options.speakers is not None:
        config.diarization.speaker_count = options.speakers
    if options.keep:
        config.afterwards = pb.LiveConfig.AFTERWARDS_JOB
    return config


async def _bytes(name: str) -> AsyncIterator[bytes]:
    """Yield a file's bytes, or those of standard input as soon as they come."""
    try:
        descriptor = 0 if name == "-" else os.open(name, os.O_RDONLY)
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror}") from error
    try:
        while data := await asyncio.to_thread(os.read, descriptor, PIECE):
            yield data
    finally:
        if name != "-":
            os.close(descriptor)


async def paced(sound: Sound) -> AsyncIterator[bytes]:
    """Yield audio at the speed at which it was spoken; what has no rate is passed on as it comes."""
    loop = asyncio.get_running_loop()
    begun, sent = loop.time(), 0
    width = WIDTHS.get(sound.encoding, 1)
    async for data in sound.data:
        if sound.rate is not None:
            sent += len(data)
            await asyncio.sleep(max(0.0, begun + sent / (sound.rate * width) - loop.time()))
        yield data
