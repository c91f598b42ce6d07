"""`locution live`: stream audio and print the text while it is spoken."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from itertools import groupby
from pathlib import Path

from locution.v1 import live_service_pb2 as pb
from locution.v1.job_config_pb2 import AudioFormat

from locution_client.cli import durations, show
from locution_client.cli.app import verb
from locution_client.cli.arguments import ASR_MODEL, LANGUAGE, argument, bounded, speaker_count, switch
from locution_client.cli.output import UsageError
from locution_client.cli.recognition import HOTWORDS, PROMPT, STREAMED_FORMAT
from locution_client.client import Client
from locution_client.labels import label
from locution_client.pcm import Layout
from locution_client.wave_stream import Sound, UnknownAudio, recognise

PIECE = 8192
NOTES = {
    pb.StreamNotice.KIND_SPEAKERS_UNAVAILABLE: "no diarizer is available; the text continues without speakers",
    pb.StreamNotice.KIND_LANGUAGE_REGION_IGNORED: "the model takes the language without its region",
}
WIDTHS = {pb.LiveConfig.ENCODING_PCM_S16LE: 2, pb.LiveConfig.ENCODING_PCM_F32LE: 4}


@verb(
    argument("file", metavar="FILE|-", help="WAV, FLAC or Ogg Opus file, or raw samples; - reads standard input"),
    (
        argument(
            "--rate",
            type=bounded(AudioFormat, "sample_rate_hertz"),
            metavar="HZ",
            help="sample rate of 16-bit samples without a header; the same as --audio-format s16le:HZ",
        ),
        STREAMED_FORMAT,
    ),
    LANGUAGE,
    ASR_MODEL,
    PROMPT,
    HOTWORDS,
    (
        durations.option(
            "--silence", "pause after which the text is final (default: 0.8s)", pb.LiveConfig, "endpoint_silence"
        ),
        switch("--as-recording", "give the text of the same audio as a file; it is final only after a pause of 8s"),
    ),
    switch("--realtime", "send a file at the speed of speech"),
    switch("--diarize", "tell speakers apart (default: off)"),
    argument(
        "--speakers", type=speaker_count, metavar="N", help="exact number of speakers, 1 to 50; implies --diarize"
    ),
    switch("--keep", "create a job from the audio at the end, and print its name"),
)
async def live(
    client: Client,
    file: str,
    rate: int | None,
    audio_format: Layout | None,
    language: str | None,
    asr_model: str | None,
    prompt: str | None,
    hotwords: list[str] | None,
    silence: timedelta | None,
    as_recording: bool,
    realtime: bool,
    diarize: bool,
    speakers: int | None,
    keep: bool,
) -> None:
    """Transcribe audio while it is spoken.

    Streams a WAV, FLAC or Ogg Opus file, raw samples, or audio from a pipe. Several channels are mixed into one. For
    example, from a microphone:
    arecord -q -t wav -f cd | locution live -
    """
    raw = audio_format if rate is None else Layout("s16le", rate, 1)
    try:
        sound = await recognise(_bytes(file), raw)
    except UnknownAudio as error:
        raise UsageError(f"{file}: {error}") from error
    config = pb.LiveConfig(
        encoding=sound.encoding,
        sample_rate_hertz=sound.rate,
        language=language,
        asr_model=asr_model,
        prompt=prompt,
        hotwords=hotwords,
        display_name="" if file == "-" else label(Path(file).name),
    )
    if silence is not None:
        config.endpoint_silence.FromTimedelta(silence)
    if as_recording:
        config.endpoint_mode = pb.LiveConfig.ENDPOINT_MODE_RECORDING
    if diarize or speakers is not None:
        config.diarization.enabled = True
    if speakers is not None:
        config.diarization.speaker_count = speakers
    if keep:
        config.afterwards = pb.LiveConfig.AFTERWARDS_JOB
    screen = Screen(sys.stdout.isatty(), config.HasField("diarization"))
    async for message in client.live.transcribe(config, paced(sound) if realtime else sound.data):
        screen.show(message)


class Screen:
    """Print finals as lines, and on a terminal the partial text after them in place.

    A final with speakers is one line for each turn. When its speakers change later, standard error repeats it.
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
            case "notice" if message.notice.kind in NOTES:
                self._clear()
                show.note(f"locution: {NOTES[message.notice.kind]}")
            case "partial" if self._terminal:
                self._rewrite(partial_text(message.partial))
            case "done" if message.done.job:
                self._clear()
                show.note(f"locution: created {message.done.job}")

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
        show.note("\n".join([f"locution: corrected speakers from {at:.1f} s:", *spoken_lines(final)]))

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
    """Return a final as lines, one for each run of words by one speaker, or one line if no speaker is known."""
    if not any(word.speaker for word in final.words):
        return [final.text]
    runs = [(speaker, list(run)) for speaker, run in groupby(final.words, key=lambda word: word.speaker)]
    return [f"{speaker or 'UNKNOWN'}: {written(run)}" for speaker, run in runs]


def partial_text(partial: pb.StreamPartial) -> str:
    """Return a partial as one line."""
    space = "" if partial.unstable_joined else " "
    return f"{written(partial.confirmed)}{space}{partial.unstable}".strip()


def written(words: Iterable[pb.LiveWord]) -> str:
    """Join words as their language writes them."""
    return "".join(word.text if word.joined else f" {word.text}" for word in words).strip()


async def _bytes(name: str) -> AsyncIterator[bytes]:
    """Yield the bytes of a file, or of standard input as they arrive."""
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
    """Yield audio at the speed of speech; audio without a known rate passes unchanged."""
    loop = asyncio.get_running_loop()
    begun, sent = loop.time(), 0
    width = WIDTHS.get(sound.encoding, 1)
    async for data in sound.data:
        if sound.rate is not None:
            sent += len(data)
            await asyncio.sleep(max(0.0, begun + sent / (sound.rate * width) - loop.time()))
        yield data
